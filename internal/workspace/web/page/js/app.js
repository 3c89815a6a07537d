// The whole page, and the keys that work everywhere.
import {html, useEffect} from './html.js';
import {Bar} from './bar.js';
import {ChannelPane} from './channel.js';
import {ConfirmDialog} from './confirm.js';
import {HomePane} from './home.js';
import {Icon} from './icons.js';
import {Modals} from './modal.js';
import {Rail, Sidebar} from './sidebar.js';
import {Switcher} from './switcher.js';
import {ThreadPane} from './thread.js';
import {Viewer} from './viewer.js';
import {openChannel} from './route.js';
import {store, useStore} from './store.js';

function Banner() {
  const connection = useStore((state) => state.connection);
  if (connection !== 'reconnecting') return null;
  return html`<div class="banner" role="status" data-testid="reconnecting"><span class="spinner" aria-hidden="true"></span> Lost the connection to the simulator — reconnecting…</div>`;
}

function Toasts() {
  const toasts = useStore((state) => state.toasts);
  return html`<div class="toasts" role="status">${toasts.map((toast) => html`<div key=${toast.number} class="toast" data-testid="toast">${toast.text}</div>`)}</div>`;
}

const Live = () => html`<div class="sr-only" aria-live="polite" data-testid="live">${useStore((state) => state.spoken)}</div>`;

function nextPane() {
  const panes = [...document.querySelectorAll('[data-pane]')].filter((pane) => pane.offsetParent !== null);
  const at = panes.findIndex((pane) => pane.contains(document.activeElement));
  const next = panes[(at + 1) % panes.length];
  (next?.querySelector('textarea, [aria-current=page], button') || next)?.focus();
}

function pageKeys(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
    event.preventDefault();
    store.set({overlay: store.value.overlay === 'switcher' ? null : 'switcher'});
  } else if (event.key === 'F6') {
    event.preventDefault();
    nextPane();
  } else if (event.key === 'Escape' && !event.defaultPrevented) {
    const {overlay, route} = store.value;
    if (overlay) store.set({overlay: null});
    else if (route.thread) openChannel(route.channel);
  }
}

function Main({dir}) {
  const route = useStore((state) => state.route);
  const channel = route.channel && dir.channel(route.channel);
  if (route.name === 'home') return html`<${HomePane} dir=${dir} />`;
  if (!channel) return html`<main class="pane pane-main"><div class="home-empty">${route.channel ? 'There is no such channel for this person.' : 'Opening…'}</div></main>`;
  return html`<${ChannelPane} channel=${channel} dir=${dir} />${route.thread && html`<${ThreadPane} key=${route.thread} channel=${channel} ts=${route.thread} dir=${dir} />`}`;
}

export function App() {
  const dir = useStore((state) => state.dir);
  const failed = useStore((state) => state.failed.state);
  const thread = useStore((state) => Boolean(state.route.thread));
  useEffect(() => {
    addEventListener('keydown', pageKeys);
    return () => removeEventListener('keydown', pageKeys);
  }, []);
  useEffect(() => { if (dir) document.title = `${dir.team.name} — Workspace simulator`; }, [dir]);
  return html`<${Bar} dir=${dir} /><${Banner} />
    ${!dir ? html`<p class="boot" role="status">${failed || 'Opening the workspace…'}</p>` : html`
      <div class="window">
        <div class="topnav"><button type="button" class="top-search" data-testid="open-switcher" onClick=${() => store.set({overlay: 'switcher'})}><${Icon} name="search" /><span>Search ${dir.team.name}</span><kbd>Ctrl K</kbd></button></div>
        <${Rail} dir=${dir} />
        <div class=${`body ${thread ? 'with-thread' : ''}`}><${Sidebar} dir=${dir} /><${Main} dir=${dir} /></div>
      </div>
      <${Modals} dir=${dir} /><${Viewer} /><${Switcher} dir=${dir} /><${ConfirmDialog} />`}
    <${Toasts} /><${Live} />`;
}
