// Reads: what is shown, asked from the simulator again whenever an event names
// it. Answers for a person who is no longer being played are dropped.
import {get} from './api.js';
import {Directory} from './directory.js';
import {plainSummary} from './summary.js';
import {store, threadKey} from './store.js';

const running = new Map();

// once keeps one request per subject in the air; calls meanwhile lead to
// exactly one more, so that a burst of events costs two requests.
function once(subject, work) {
  const now = running.get(subject);
  if (now) {
    now.again = true;
    return now.done;
  }
  const entry = {again: false};
  entry.done = (async () => {
    try {
      do {
        entry.again = false;
        await work();
      } while (entry.again);
    } finally {
      running.delete(subject);
    }
  })();
  running.set(subject, entry);
  return entry.done;
}

const person = () => store.value.as;

export async function loadState(as) {
  const state = await get('state', {as});
  const dir = new Directory({...state, me: state.me || as});
  const open = store.value.route.channel;
  const unread = {};
  for (const channel of dir.channels) unread[channel.id] = channel.id === open ? 0 : channel.unread || 0;
  store.set({dir, unread});
  return dir;
}

export const reloadState = () => once('state', async () => {
  try {
    await loadState(person());
  } catch { /* the banner says that the simulator does not answer */ }
});

// keepSame gives back the old object of a message that did not change, so that
// only changed ones are drawn again.
function keepSame(before, after) {
  const old = new Map((before || []).map((message) => [message.ts, message]));
  const merged = after.map((message) => {
    const known = old.get(message.ts);
    return known && JSON.stringify(known) === JSON.stringify(message) ? known : message;
  });
  const same = before && merged.length === before.length && merged.every((message, i) => message === before[i]);
  return same ? before : merged;
}

function speakNew(before, after, dir) {
  if (!before) return;
  const known = new Set(before.map((message) => message.ts));
  const fresh = after.filter((message) => !known.has(message.ts) && message.user !== dir?.me);
  if (fresh.length) store.set({spoken: fresh.map((message) => `${dir?.fullName(message.user || message.bot_id)}: ${plainSummary(message, dir)}`).join('. ')});
}

async function read(subject, key, path, apply) {
  const as = person();
  try {
    const answer = await get(path, {as});
    if (as !== person()) return;
    apply(answer);
    store.set(({failed}) => (failed[key] ? {failed: {...failed, [key]: undefined}} : null));
  } catch (error) {
    if (as === person()) store.set(({failed}) => ({failed: {...failed, [key]: error.message}}));
  }
}

export const loadChannel = (channel) => once(`channel ${channel}`, () => read('channel', channel, `channels/${channel}/messages`, (answer) => {
  const {messages, pins, unread, newFrom, dir, route} = store.value;
  const before = messages[channel];
  const after = keepSame(before, answer.messages || []);
  const count = unread[channel] || 0;
  const change = {pins: {...pins, [channel]: answer.pins || []}};
  if (after !== before) change.messages = {...messages, [channel]: after};
  if (route.channel === channel && count > 0) {
    change.unread = {...unread, [channel]: 0};
    change.newFrom = {...newFrom, [channel]: after.at(-Math.min(count, after.length))?.ts};
  }
  store.set(change);
  if (route.channel === channel) speakNew(before, after, dir);
}));

export const loadThread = (channel, ts) => once(`thread ${channel} ${ts}`, () => read('thread', threadKey(channel, ts), `channels/${channel}/threads/${ts}`, (answer) => {
  const {threads, dir} = store.value;
  const key = threadKey(channel, ts);
  const after = keepSame(threads[key], answer.messages || []);
  if (after === threads[key]) return;
  speakNew(threads[key], after, dir);
  store.set({threads: {...threads, [key]: after}});
}));

export const loadViews = () => once('views', () => read('views', 'views', 'views', (answer) => store.set({views: answer.stack || []})));

// loadHome opens the Home tab; the app hears of it. A view that was published
// while the request was under way is newer than its answer.
export const loadHome = () => once('home', () => {
  const before = store.value.home;
  return read('home', 'home', 'home', (answer) => { if (store.value.home === before) store.set({home: answer.view ?? null}); });
});

export const loadFaults = () => once('faults', async () => {
  try {
    const answer = await get('faults');
    store.set({faults: answer.faults || []});
  } catch {
    store.set({faults: []});
  }
});

// loadRoute reads what the address names.
export function loadRoute(route) {
  if (route.channel) {
    const {newFrom} = store.value;
    store.set({newFrom: {...newFrom, [route.channel]: undefined}});
    loadChannel(route.channel);
    if (route.thread) loadThread(route.channel, route.thread);
  }
  if (route.name === 'home') loadHome();
}
