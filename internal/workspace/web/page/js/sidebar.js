// The left: workspace, channels, direct messages, apps; unread ones stand out.
import {html, useState} from './html.js';
import {Avatar} from './avatar.js';
import {Icon} from './icons.js';
import {openChannel, openHome} from './route.js';
import {store, useStore} from './store.js';

function Item({current, unread, act, testid, label, children}) {
  return html`<li><button type="button" class=${`side-item ${current ? 'current' : ''} ${unread ? 'unread' : ''}`} aria-current=${current ? 'page' : undefined} aria-label=${label} data-testid=${testid} onClick=${() => { store.set({overlay: null}); act(); }}>
    ${children}${unread > 0 && html`<span class="unread-count" aria-hidden="true">${unread}</span>`}</button></li>`;
}

function Section({title, children}) {
  const [open, setOpen] = useState(true);
  return html`<section class="side-section"><h2><button type="button" class="side-title" aria-expanded=${open} onClick=${() => setOpen(!open)}><${Icon} name=${open ? 'chevron-down' : 'chevron-right'} />${title}</button></h2>${open && html`<ul>${children}</ul>`}</section>`;
}

export function Sidebar({dir}) {
  const route = useStore((state) => state.route);
  const unread = useStore((state) => state.unread);
  const overlay = useStore((state) => state.overlay);
  const app = dir.appChannel();
  const current = (channel) => route.channel === channel.id;
  const count = (channel) => (current(channel) ? 0 : unread[channel.id] || 0);
  const channelItem = (channel) => html`<${Item} key=${channel.id} current=${current(channel)} unread=${count(channel)} act=${() => openChannel(channel.id)} testid=${`channel-${channel.name}`}
    label=${`${channel.is_private ? 'private channel' : 'channel'} ${channel.name}${count(channel) ? `, ${count(channel)} unread` : ''}`}><${Icon} name=${channel.is_private ? 'lock' : 'hash'} /><span class="side-name">${channel.name}</span>${channel.is_ext_shared && html`<span class="side-shared" title="Shared with another organisation">⧉</span>`}<//>`;
  const personItem = (channel) => html`<${Item} key=${channel.id} current=${current(channel)} unread=${count(channel)} act=${() => openChannel(channel.id)} testid=${`channel-${dir.handle(dir.peer(channel))}`} label=${`direct message with ${dir.channelName(channel)}`}>
    <${Avatar} dir=${dir} id=${dir.peer(channel)} size=${20} /><span class="side-name">${dir.channelName(channel)}</span>${dir.peer(channel) === dir.me && html`<span class="side-you">you</span>`}<//>`;
  const channels = dir.channels.filter((channel) => !channel.is_im && !channel.is_archived);
  const direct = dir.channels.filter((channel) => channel.is_im && channel !== app);
  return html`<nav class=${`sidebar ${overlay === 'sidebar' ? 'shown' : ''}`} data-pane aria-label="Channels">
    <div class="side-head"><span>${dir.team.name}</span><button type="button" class="icon-button only-narrow" aria-label="Hide channels" onClick=${() => store.set({overlay: null})}><${Icon} name="close" /></button></div>
    <div class="side-scroll">
      <${Section} title="Channels">${channels.map(channelItem)}<//>
      ${direct.length > 0 && html`<${Section} title="Direct messages">${direct.map(personItem)}<//>`}
      ${dir.bot.user_id && html`<${Section} title="Apps"><${Item} current=${route.name === 'home' || (app && current(app))} unread=${app ? count(app) : 0} act=${openHome} testid="app-home" label=${`app ${dir.bot.name}, ${dir.bot.online ? 'connected' : 'not connected'}`}>
        <span class="presence-frame"><${Avatar} dir=${dir} id=${dir.bot.user_id} size=${20} /><i class=${`presence ${dir.bot.online ? 'on' : ''}`}></i></span><span class="side-name">${dir.bot.name}</span><//><//>`}
    </div>
  </nav>`;
}

// Rail is Slack's narrow outer column.
export function Rail({dir}) {
  const route = useStore((state) => state.route);
  const landing = dir.landing();
  const inChannel = route.name !== 'home';
  return html`<div class="rail" role="toolbar" aria-label="Workspace" aria-orientation="vertical">
    <span class="rail-team" aria-hidden="true">${dir.team.name.slice(0, 1)}</span>
    <button type="button" class=${`rail-item ${inChannel ? 'current' : ''}`} onClick=${() => landing && openChannel(landing.id)}><span><${Icon} name="home" /></span>Home</button>
    <button type="button" class=${`rail-item ${inChannel ? '' : 'current'}`} onClick=${openHome}><span><${Icon} name="bolt" /></span>App</button>
    <button type="button" class="rail-item" onClick=${() => store.set({overlay: 'switcher'})}><span><${Icon} name="search" /></span>Jump</button>
    <span class="grow"></span>
    <span class="rail-me" title=${dir.fullName(dir.me)}><${Avatar} dir=${dir} id=${dir.me} size=${36} /><i class="presence on"></i></span>
  </div>`;
}
