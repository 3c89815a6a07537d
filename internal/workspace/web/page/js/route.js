// The address of what is open: `#/C123`, `#/C123/thread/<ts>`, `#/home`, and
// `?as=U…`, `?theme=dark` before or inside the hash. Addresses are stable so
// that screenshots and links can name any place.
import {store} from './store.js';

function split() {
  const [path, inside = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const params = new URLSearchParams(location.search);
  for (const [name, value] of new URLSearchParams(inside)) params.set(name, value);
  return {parts: path.split('/').filter(Boolean).map(decodeURIComponent), params};
}

export function parseAddress() {
  const {parts, params} = split();
  let route = {name: 'start'};
  if (parts[0] === 'home') route = {name: 'home'};
  else if (parts[0]) {
    route = {name: 'channel', channel: parts[0]};
    if (parts[1] === 'thread' && parts[2]) route.thread = parts[2];
  }
  return {route, as: params.get('as') || '', theme: params.get('theme') || ''};
}

export function go(hash) {
  if (location.hash === hash) store.set({route: parseAddress().route});
  else location.hash = hash;
}

export const openChannel = (channel) => go(`#/${encodeURIComponent(channel)}`);
export const openThread = (channel, ts) => go(`#/${encodeURIComponent(channel)}/thread/${encodeURIComponent(ts)}`);
export const openHome = () => go('#/home');

// rememberPerson keeps ?as= in step, so that a reload stays the same person.
export function rememberPerson(as) {
  const url = new URL(location.href);
  url.searchParams.set('as', as);
  url.hash = location.hash.split('?')[0];
  history.replaceState(null, '', url);
}

export function watchAddress(changed) {
  addEventListener('hashchange', () => changed(parseAddress().route));
}
