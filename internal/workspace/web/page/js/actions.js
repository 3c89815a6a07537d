// Writes: everything that a person does. Each asks the simulator and leaves the
// drawing to the events that follow.
import {post, remove} from './api.js';
import {collect, problems} from './form.js';
import {loadFaults, loadRoute, loadState, loadViews} from './load.js';
import {connect} from './live.js';
import {openChannel, rememberPerson} from './route.js';
import {store} from './store.js';

const pendingMS = 3000;
let toastNumber = 0;

export function toast(text) {
  const number = ++toastNumber;
  store.set(({toasts}) => ({toasts: [...toasts, {number, text}]}));
  setTimeout(() => store.set(({toasts}) => ({toasts: toasts.filter((one) => one.number !== number)})), 6000);
}

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message);
    return null;
  }
}

// become switches the person one is typing as and reads everything again.
export async function become(as) {
  store.set({as, messages: {}, threads: {}, pins: {}, views: [], home: undefined, forms: {}, pending: {}, refused: {}, failed: {}, newFrom: {}, viewer: null, dialog: null});
  const dir = await loadState(as);
  if (as && store.value.as !== as) return;
  store.set({as: dir.me});
  rememberPerson(dir.me);
  try {
    localStorage.setItem('workspace-person', dir.me);
  } catch { /* a browser may forbid storage; the address still carries the person */ }
  connect(dir.me);
  const {route} = store.value;
  if (route.name === 'start' || (route.channel && !dir.channel(route.channel))) {
    const landing = dir.landing();
    if (landing) openChannel(landing.id);
  } else loadRoute(route);
  loadViews();
  loadFaults();
}

// invite is Slack's own command "/invite @name …"; the simulator knows only the
// app's commands.
async function invite(channel, words) {
  const {as, dir} = store.value;
  const users = words.map((word) => dir.named(word.replace(/^@/, '')));
  const unknown = words.find((_, i) => !users[i]);
  if (unknown || !users.length) throw new Error(unknown ? `There is nobody called ${unknown}.` : 'Whom? For example: /invite @bob');
  await post('invite', {as, channel, users});
}

// join makes oneself a member of a public channel.
export const join = (channel) => attempt(async () => {
  const {as} = store.value;
  const {id, name, topic, is_private, is_ext_shared, is_archived} = channel; // as the control API names them
  await post('channels', {id, name, topic, is_private, is_ext_shared, is_archived, members: [...(channel.members || []), as]});
});

// say returns the error that the composer shows, or null.
export async function say(channel, text, thread) {
  try {
    const [command, ...words] = text.split(/\s+/).filter(Boolean);
    if (command === '/invite') await invite(channel, words);
    else await post('say', {as: store.value.as, channel, thread_ts: thread || undefined, text});
    return null;
  } catch (error) {
    return error;
  }
}

const clear = (field, key) => store.set((state) => {
  if (!state[field][key]) return null;
  const {[key]: gone, ...rest} = state[field];
  return {[field]: rest};
});

// entered is what the fields of a dialog hold: an interaction in it carries them.
function entered(id) {
  const view = store.value.views.find((one) => one.id === id);
  return view ? {values: collect(view, store.value.forms)} : {};
}

// click tells the app about an interaction; the control shows a spinner until
// something changes, at most 3 s.
export async function click(place, block, element, payload, key) {
  const {as} = store.value;
  const where = place.view ? {view_id: place.view, ...entered(place.view)} : {channel: place.channel, ts: place.ts};
  clear('refused', key);
  store.set(({pending}) => ({pending: {...pending, [key]: true}}));
  setTimeout(() => clear('pending', key), pendingMS);
  try {
    await post('click', {as, ...where, block_id: block.block_id, action_id: element.action_id, ...payload});
  } catch (error) {
    clear('pending', key);
    store.set(({refused}) => ({refused: {...refused, [key]: error.message}}));
    toast(error.message);
  }
}

// submit returns the errors by block, or null when the view was accepted.
export async function submit(view) {
  const {as, forms} = store.value;
  const wrong = problems(view, forms);
  if (Object.keys(wrong).length) return wrong;
  try {
    await post(`views/${view.id}/submit`, {as, values: collect(view, forms)});
  } catch (error) {
    if (error.body?.errors) return error.body.errors;
    return {'': error.message};
  }
  await loadViews();
  return null;
}

export const closeView = (view) => attempt(async () => {
  store.set(({views}) => ({views: views.filter((one) => one.id !== view.id)}));
  await post(`views/${view.id}/close`, {as: store.value.as});
  await loadViews();
});

export const runShortcut = (shortcut, message) => attempt(() => post('shortcut', {as: store.value.as, callback_id: shortcut.callback_id, channel: message?.channel || store.value.route.channel, ts: message?.ts}));

export const react = (channel, ts, name, off) => attempt(() => post('react', {as: store.value.as, channel, ts, name, remove: off || undefined}));
export const pin = (channel, ts, off) => attempt(() => post('pin', {as: store.value.as, channel, ts, remove: off || undefined}));
export const editMessage = (channel, ts, text) => attempt(() => post('edit', {as: store.value.as, channel, ts, text}));
export const deleteMessage = (channel, ts) => attempt(() => post('delete', {as: store.value.as, channel, ts}));

export const injectFault = (fault) => attempt(async () => {
  await post('faults', fault);
  await loadFaults();
});

export const clearFaults = () => attempt(async () => {
  await remove('faults');
  await loadFaults();
});
