// What the typing box offers: commands after "/", people after "@", emoji after
// ":". Pure: from the text and the cursor to a list.
import {emojiStartingWith} from './emoji.js';

const most = 8;

// complete returns {kind, from, items: [{key, insert, title, note, hint, person}]} or
// null. `from` is where the completed word begins.
export function complete(text, cursor, dir, inThread) {
  const before = text.slice(0, cursor);
  const command = /^\/\S*$/.exec(before);
  if (command) return inThread ? null : commands(before, dir);
  const person = /(?:^|[\s(])@([\p{L}\p{N}._-]*)$/u.exec(before);
  if (person) return people(person[1].toLowerCase(), cursor, dir);
  const short = /(?:^|\s):([a-z0-9_+-]*)$/.exec(before);
  if (short) return emojis(short[1], cursor);
  return null;
}

const builtIn = {command: '/invite', usage_hint: '@someone', description: 'Add people or an app to this channel', own: true};

function commands(typed, dir) {
  const items = [...dir.commands, builtIn].filter((one) => one.command.startsWith(typed)).slice(0, most)
    .map((one) => ({key: one.command, insert: `${one.command} `, title: one.command, hint: one.usage_hint, note: one.description, person: one.own ? undefined : dir.bot.user_id}));
  const shortcuts = dir.shortcuts.filter((one) => one.type === 'global' && typed.length > 0 && one.name.toLowerCase().includes(typed.slice(1).toLowerCase()))
    .map((one) => ({key: one.callback_id, shortcut: one, title: one.name, note: one.description, person: dir.bot.user_id}));
  return items.length + shortcuts.length ? {kind: 'command', from: 0, items: [...items, ...shortcuts]} : null;
}

function people(typed, cursor, dir) {
  const everyone = dir.people.filter((one) => one.kind !== 'deactivated');
  const known = everyone.some((one) => one.id === dir.bot.user_id) || !dir.bot.user_id ? everyone : [...everyone, {id: dir.bot.user_id, name: dir.bot.name, real_name: dir.bot.name}];
  const people = known.filter((one) => one.name?.toLowerCase().startsWith(typed) || one.real_name?.toLowerCase().split(/\s+/).some((word) => word.startsWith(typed)))
    .map((one) => ({key: one.id, insert: `@${one.name} `, title: dir.fullName(one.id), hint: one.name, person: one.id, note: one.title}));
  const groups = dir.groups.filter((one) => dir.groupHandle(one.id).toLowerCase().startsWith(typed))
    .map((one) => ({key: one.id, insert: `@${dir.groupHandle(one.id)} `, title: `@${dir.groupHandle(one.id)}`, note: `${(one.users || []).length} people`}));
  const items = [...people, ...groups].slice(0, most);
  return items.length ? {kind: 'person', from: cursor - typed.length - 1, items} : null;
}

function emojis(typed, cursor) {
  const items = emojiStartingWith(typed, most).map(([name, picture]) => ({key: name, insert: `${picture} `, title: `${picture}  :${name}:`}));
  return items.length ? {kind: 'emoji', from: cursor - typed.length - 1, items} : null;
}

// usage is the hint shown while a known command's words are typed.
export function usage(text, dir) {
  const word = /^(\/\S+)\s/.exec(text)?.[1];
  return word ? [...dir.commands, builtIn].find((one) => one.command === word) : undefined;
}
