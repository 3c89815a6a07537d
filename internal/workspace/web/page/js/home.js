// The app: its Home tab, its direct messages, and who it is.
import {html, useState} from './html.js';
import {Avatar} from './avatar.js';
import {Blocks} from './blocks.js';
import {Conversation, MenuButton} from './channel.js';
import {loadChannel} from './load.js';
import {store, useStore} from './store.js';

function HomeView({dir}) {
  const view = useStore((state) => state.home);
  const failed = useStore((state) => state.failed.home);
  if (failed) return html`<div class="pane-error" role="alert">${failed}</div>`;
  if (view === undefined) return html`<div class="home-empty">Opening…</div>`;
  if (view === null) return html`<div class="home-empty"><${Avatar} dir=${dir} id=${dir.bot.user_id} size=${72} /><h2>This is ${dir.bot.name}’s home</h2><p>The app has not published anything here yet.</p></div>`;
  return html`<div class="home-view"><${Blocks} blocks=${view.blocks} dir=${dir} place=${{key: view.id, surface: 'home', view: view.id}} /></div>`;
}

function About({dir}) {
  const person = dir.person(dir.bot.user_id);
  return html`<div class="home-view about"><${Avatar} dir=${dir} id=${dir.bot.user_id} size=${96} /><h2>${dir.bot.name}</h2><p>${person?.title || 'An app in this workspace.'}</p>
    <p class=${dir.bot.online ? 'online' : 'offline'}>${dir.bot.online ? 'Connected to this workspace' : 'Not connected to this workspace'}</p>
    ${dir.commands.length > 0 && html`<h3>Commands</h3><dl>${dir.commands.map((one) => html`<dt><code>${one.command}</code> ${one.usage_hint}</dt><dd>${one.description}</dd>`)}</dl>`}</div>`;
}

export function HomePane({dir}) {
  const [tab, setTab] = useState('home');
  const direct = dir.appChannel();
  const tabs = [['home', 'Home'], direct && ['messages', 'Messages'], ['about', 'About']].filter(Boolean);
  const show = (name) => {
    setTab(name);
    if (name === 'messages' && !store.value.messages[direct.id]) loadChannel(direct.id);
  };
  return html`<main class="pane pane-main" data-pane data-testid="home" aria-label=${dir.bot.name}>
    <header class="channel-head"><${MenuButton} /><h1 class="channel-title"><${Avatar} dir=${dir} id=${dir.bot.user_id} size=${24} /><span>${dir.bot.name}</span></h1></header>
    <div class="tabs" role="tablist">${tabs.map(([name, label]) => html`<button key=${name} type="button" role="tab" aria-selected=${tab === name} class=${`tab ${tab === name ? 'current' : ''}`} onClick=${() => show(name)}>${label}</button>`)}</div>
    ${tab === 'messages' ? html`<${Conversation} channel=${direct} dir=${dir} />` : html`<div class="home-scroll" role="tabpanel" tabindex="0">${tab === 'home' ? html`<${HomeView} dir=${dir} />` : html`<${About} dir=${dir} />`}</div>`}
  </main>`;
}
