// Starts the page: address, theme, person, and the first read.
import {html, render} from './html.js';
import {App} from './app.js';
import {become} from './actions.js';
import {loadRoute} from './load.js';
import {parseAddress, watchAddress} from './route.js';
import {firstTheme} from './theme.js';
import {store} from './store.js';

const retryMS = 2000;

function keptPerson() {
  try {
    return localStorage.getItem('workspace-person') || '';
  } catch {
    return '';
  }
}

// enter tries the person of the address, then the last one, then the
// simulator's own choice; a simulator that is not up yet is asked again.
async function enter(candidates) {
  const [as, ...others] = candidates;
  try {
    await become(as);
    store.set(({failed}) => ({failed: {...failed, state: undefined}}));
  } catch (error) {
    if (error.code !== 'unreachable' && others.length) return enter(others);
    store.set(({failed}) => ({failed: {...failed, state: error.message}}));
    setTimeout(() => enter(candidates), retryMS);
  }
  return undefined;
}

const {route, as, theme} = parseAddress();
store.set({route});
firstTheme(theme);
watchAddress((next) => {
  store.set({route: next});
  loadRoute(next);
});
const root = document.getElementById('app');
root.textContent = '';
render(html`<${App} />`, root);
enter([...new Set([as, keptPerson(), ''])].filter((one, i, all) => one || i === all.length - 1));
