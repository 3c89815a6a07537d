// The typing box: Enter sends, Shift+Enter breaks the line, ArrowUp in an empty
// box brings back what was sent last, "/" "@" ":" complete.
import {html, useEffect, useLayoutEffect, useRef, useState} from './html.js';
import {Avatar} from './avatar.js';
import {Icon} from './icons.js';
import {Popover} from './popover.js';
import {runShortcut, say} from './actions.js';
import {attachBox, draft, keepDraft} from './drafts.js';
import {complete, usage} from './completion.js';
import {threadKey} from './store.js';

const sent = [];
const mostRemembered = 50;
const mostHeightPX = 240;

function remember(text) {
  if (sent.at(-1) !== text) sent.push(text);
  if (sent.length > mostRemembered) sent.shift();
}

function Completion({found, at, choose, setAt, id, dir}) {
  return html`<div class="completion" role="listbox" id=${id} aria-label="Suggestions" data-testid="completion">
    <div class="completion-head">${{command: 'Commands', person: 'People', emoji: 'Emoji'}[found.kind]}<span><kbd>↑</kbd><kbd>↓</kbd> to choose · <kbd>Enter</kbd> to take · <kbd>Esc</kbd> to close</span></div>
    ${found.items.map((item, i) => html`<div key=${item.key} id=${`${id}-${i}`} role="option" aria-selected=${i === at} class=${`completion-item ${i === at ? 'current' : ''}`}
        onPointerDown=${(event) => { event.preventDefault(); choose(item); }} onPointerMove=${() => setAt(i)}>
      ${item.person && html`<${Avatar} dir=${dir} id=${item.person} size=${24} />`}
      <span class="completion-title">${item.title}</span>${item.hint && html`<span class="completion-hint">${item.hint}</span>`}${item.note && html`<span class="completion-note">${item.note}</span>`}
    </div>`)}
  </div>`;
}

function SlashInThread({dir, text, replace}) {
  const mention = `@${dir.handle(dir.bot.user_id)} `;
  const words = text.replace(/^\/\S*\s*/, '');
  return html`<div class="composer-note" role="status" data-testid="slash-in-thread">
    Slash commands do not work in threads (Slack does not allow them). Mention the app instead:
    <button type="button" class="link-button" onClick=${() => replace(mention + words)}>${mention}${words}</button></div>`;
}

function ComposerBar({dir, insert, ready, submit}) {
  const [open, setOpen] = useState(false);
  const anchor = useRef();
  const globals = dir.shortcuts.filter((one) => one.type === 'global');
  return html`<div class="composer-bar">
    ${globals.length > 0 && html`<span class="anchor"><button ref=${anchor} type="button" class="composer-tool round" aria-label="Shortcuts" title="Shortcuts" aria-haspopup="menu" aria-expanded=${open} data-testid="shortcuts" onClick=${() => setOpen(!open)}><${Icon} name="plus" /></button>
      ${open && html`<${Popover} anchor=${anchor} close=${() => setOpen(false)} prefer="above" role="menu" label="Shortcuts" class="menu">
        <div class="menu-head">Shortcuts</div>
        ${globals.map((one) => html`<button type="button" role="menuitem" class="menu-item" data-testid=${`shortcut-${one.callback_id}`} onClick=${() => { setOpen(false); runShortcut(one); }}><span class="menu-icon"><${Icon} name="bolt" /></span><span>${one.name}<small>${one.description}</small></span></button>`)}
      <//>`}</span>`}
    <button type="button" class="composer-tool" aria-label="Mention someone" title="Mention someone" onClick=${() => insert('@')}><${Icon} name="at" /></button>
    <button type="button" class="composer-tool" aria-label="Emoji" title="Emoji" onClick=${() => insert(':')}><${Icon} name="smile" /></button>
    <button type="button" class="composer-tool" aria-label="Run a command" title="Run a command" onClick=${() => insert('/')}><${Icon} name="slash" /></button>
    <span class="grow"></span>
    <button type="button" class=${`send ${ready ? 'ready' : ''}`} aria-label="Send now" disabled=${!ready} data-testid="send" onClick=${submit}><${Icon} name="send" /></button>
  </div>`;
}

// useBox is the text of the box with its cursor, kept as a draft under key.
function useBox(key) {
  const [text, setText] = useState(draft(key));
  const [cursor, setCursor] = useState(text.length);
  const box = useRef();
  const caret = useRef(null);
  const change = (next, position = next.length) => {
    setText(next);
    keepDraft(key, next);
    setCursor(position);
    caret.current = position;
  };
  const fill = (next, position) => {
    change(next, position);
    box.current?.focus();
  };
  useEffect(() => attachBox(key, fill), [key]);
  useLayoutEffect(() => {
    box.current.style.height = 'auto';
    box.current.style.height = `${Math.min(box.current.scrollHeight, mostHeightPX)}px`;
    if (caret.current !== null) box.current.setSelectionRange(caret.current, caret.current);
    caret.current = null;
  }, [text]);
  return {text, cursor, setCursor, change, fill, box};
}

// useSuggestions is the open list of completions, if any, and its keys.
function useSuggestions({text, cursor, fill, change}, dir, inThread) {
  const [walked, setWalked] = useState({text: '', at: 0});
  const [closedFor, setClosedFor] = useState(null);
  const found = closedFor === text ? null : complete(text, cursor, dir, inThread);
  const at = walked.text === text ? walked.at : 0; // other text, other list
  const setAt = (next) => setWalked({text, at: next});
  const choose = (item) => {
    if (item.shortcut) {
      change('');
      runShortcut(item.shortcut);
    } else fill(text.slice(0, found.from) + item.insert + text.slice(cursor), found.from + item.insert.length);
  };
  const key = (event) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (!found) return false;
    if (step) setAt((at + step + found.items.length) % found.items.length);
    else if (event.key === 'Escape') setClosedFor(text);
    else if ((event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey) choose(found.items[at] || found.items[0]);
    else return false;
    return true;
  };
  return {found, at, setAt, choose, key};
}

// useSending sends the box and remembers what was sent.
function useSending({text, change}, channel, thread, key) {
  const [error, setError] = useState(null);
  const [back, setBack] = useState(0);
  const send = async () => {
    const line = text.trimEnd();
    remember(line);
    setBack(0);
    setError(null);
    change('');
    const refused = await say(channel.id, line, thread);
    if (!refused) return;
    if (!draft(key)) change(line);
    setError(refused.message);
  };
  const recall = (event) => {
    const step = {ArrowUp: 1, ArrowDown: -1}[event.key];
    const atStart = text === '' && step === 1;
    if (!step || !sent.length || !(atStart || (back > 0 && text === sent.at(-back)))) return false;
    const next = Math.max(0, Math.min(sent.length, (atStart ? 0 : back) + step));
    change(next ? sent.at(-next) : '');
    setBack(next);
    return true;
  };
  const typed = () => {
    setBack(0);
    setError(null);
  };
  return {send, recall, typed, error};
}

function Notes({dir, hint, slashInThread, text, fill, error}) {
  return html`
    ${hint && html`<div class="usage" data-testid="usage">${!hint.own && html`<${Avatar} dir=${dir} id=${dir.bot.user_id} size=${20} />`}<b>${hint.command}</b> <span>${hint.usage_hint}</span><em>${hint.description}</em></div>`}
    ${slashInThread && html`<${SlashInThread} dir=${dir} text=${text} replace=${fill} />`}
    ${error && html`<div class="composer-note composer-error" role="alert" data-testid="composer-error">${error}</div>`}`;
}

export function Composer({channel, dir, thread}) {
  const key = thread ? threadKey(channel.id, thread) : channel.id;
  const input = useBox(key);
  const {text, change, fill, box} = input;
  const suggestions = useSuggestions(input, dir, Boolean(thread));
  const sending = useSending(input, channel, thread, key);
  useEffect(() => { if (!thread && !matchMedia('(pointer: coarse)').matches && !document.querySelector('[aria-modal=true]')) box.current.focus({preventScroll: true}); }, []);

  const {found} = suggestions;
  const listID = `completion-${key}`;
  const slashInThread = Boolean(thread) && text.startsWith('/');
  const ready = text.trim() !== '' && !slashInThread;
  const send = () => { if (ready) sending.send(); };
  const insert = (piece) => {
    if (piece === '/') return fill(`/${text.replace(/^\//, '')}`, 1);
    return fill(text + (!text || /\s$/.test(text) ? '' : ' ') + piece);
  };
  const keys = (event) => {
    if (event.isComposing) return;
    const enter = event.key === 'Enter' && !event.shiftKey;
    if (suggestions.key(event) || sending.recall(event) || enter) {
      event.preventDefault();
      event.stopPropagation();
    }
    if (enter && !found) send();
  };
  const follow = (event) => input.setCursor(event.target.selectionStart);
  const where = channel.is_im ? dir.channelName(channel) : `#${dir.channelName(channel)}`;
  return html`<form class="composer-wrap" onSubmit=${(event) => event.preventDefault()}>
    ${found && html`<${Completion} found=${found} at=${suggestions.at} setAt=${suggestions.setAt} choose=${suggestions.choose} id=${listID} dir=${dir} />`}
    <${Notes} dir=${dir} hint=${!found && !thread && usage(text, dir)} slashInThread=${slashInThread} text=${text} fill=${fill} error=${sending.error} />
    <div class="composer">
      <textarea ref=${box} rows="1" placeholder=${thread ? 'Reply…' : `Message ${where}`} aria-label=${thread ? 'Reply in the thread' : `Message to ${where}`} data-testid=${thread ? 'thread-composer' : 'composer'} value=${text} spellcheck="false" autocomplete="off"
        role="combobox" aria-expanded=${Boolean(found)} aria-controls=${found ? listID : undefined} aria-activedescendant=${found ? `${listID}-${suggestions.at}` : undefined} aria-autocomplete="list"
        onInput=${(event) => { change(event.target.value, event.target.selectionStart); sending.typed(); }} onKeyUp=${follow} onClick=${follow} onKeyDown=${keys}></textarea>
      <${ComposerBar} dir=${dir} insert=${insert} ready=${ready} submit=${send} />
    </div>
    <div class=${`composer-help ${text ? 'shown' : ''}`} aria-hidden="true"><b>Shift + Enter</b> to add a new line</div>
  </form>`;
}
