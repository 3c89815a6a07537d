// Live updates: one Server-Sent Events stream per person played. After a break
// everything shown is read again, since events may have been missed.
import {eventsURL} from './api.js';
import {loadChannel, loadFaults, loadHome, loadThread, loadViews, reloadState} from './load.js';
import {store} from './store.js';

const retryMS = 1500;
let source;
let retry;

export function connect(as) {
  clearTimeout(retry);
  source?.close();
  const stream = new EventSource(eventsURL(as));
  source = stream;
  let broken = false;
  stream.onopen = () => {
    const again = broken || store.value.connection === 'reconnecting';
    broken = false;
    store.set({connection: 'open'});
    catchUp(again);
  };
  stream.onerror = () => {
    if (stream !== source) return;
    broken = true;
    store.set({connection: 'reconnecting'});
    if (stream.readyState === EventSource.CLOSED) retry = setTimeout(() => connect(as), retryMS);
  };
  stream.onmessage = (message) => {
    let event;
    try {
      event = JSON.parse(message.data);
    } catch {
      return;
    }
    receive(event);
  };
}

// catchUp reads what may have changed while nobody listened: also between the
// first read and the first moment of the stream.
function catchUp(again) {
  const {route, home} = store.value;
  if (route.channel) loadChannel(route.channel);
  if (route.thread) loadThread(route.channel, route.thread);
  reloadState();
  loadViews();
  loadFaults();
  if (again && home !== undefined) loadHome(); // the app hears of it: not without need
}

const visible = new Set(['message', 'message_changed', 'message_deleted', 'ephemeral', 'view_opened', 'view_updated', 'view_closed', 'home']);

function receive(event) {
  if (visible.has(event.type) && Object.keys(store.value.pending).length) store.set({pending: {}});
  switch (event.type) {
    case 'message': case 'message_changed': case 'message_deleted': case 'ephemeral': case 'reaction': case 'pin':
      return conversation(event);
    case 'view_opened': case 'view_updated': case 'view_closed':
      return loadViews();
    case 'home':
      // The view comes with the event. Asking for it would tell the app that
      // its Home tab was opened again, and an app that then publishes would loop.
      return event.view && store.set({home: event.view});
    case 'channel': case 'people': case 'bot':
      return reloadState();
    case 'fault':
      return loadFaults();
    default:
      return undefined;
  }
}

function conversation({type, channel, thread_ts: thread, ts}) {
  const {route, messages, unread} = store.value;
  const isReply = thread && thread !== ts;
  if (route.channel === channel || messages[channel]) loadChannel(channel);
  if (route.channel === channel && route.thread) loadThread(channel, route.thread);
  if (type === 'message' && route.channel !== channel && !isReply) store.set({unread: {...unread, [channel]: (unread[channel] || 0) + 1}});
}
