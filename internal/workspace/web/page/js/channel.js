// The middle: a channel's header, its messages, its typing box.
import {html, useRef, useState} from './html.js';
import {Avatar} from './avatar.js';
import {Bookmarks} from './bookmarks.js';
import {Composer} from './composer.js';
import {Icon} from './icons.js';
import {MessageList} from './message-list.js';
import {Popover} from './popover.js';
import {plainSummary} from './summary.js';
import {ago, dateOf} from './time.js';
import {join} from './actions.js';
import {openThread} from './route.js';
import {store, useStore} from './store.js';

const none = [];

export function ChannelName({channel, dir}) {
  if (channel.is_im) return html`<${Avatar} dir=${dir} id=${dir.peer(channel)} size=${24} /><span>${dir.channelName(channel)}</span>`;
  return html`<${Icon} name=${channel.is_private ? 'lock' : 'hash'} /><span>${dir.channelName(channel)}</span>`;
}

export const MenuButton = () => html`<button type="button" class="icon-button only-narrow" aria-label="Show channels" onClick=${() => store.set({overlay: 'sidebar'})}><${Icon} name="menu" /></button>`;

function Pins({channel, dir, pins, messages}) {
  const [open, setOpen] = useState(false);
  const anchor = useRef();
  if (!pins.length) return null;
  const pinned = pins.map((ts) => messages.find((message) => message.ts === ts) || {ts, text: 'a message in a thread'});
  const visit = (message) => {
    setOpen(false);
    const target = document.querySelector(`[data-testid="message-${CSS.escape(message.ts)}"] [data-message]`);
    if (!target) return openThread(channel.id, message.thread_ts || message.ts);
    target.scrollIntoView({block: 'center'});
    return target.focus();
  };
  return html`<span class="anchor"><button ref=${anchor} type="button" class="header-chip" aria-haspopup="menu" aria-expanded=${open} data-testid="pins" onClick=${() => setOpen(!open)}><${Icon} name="pin" />${pins.length} pinned</button>
    ${open && html`<${Popover} anchor=${anchor} close=${() => setOpen(false)} role="menu" label="Pinned messages" class="menu pins-panel">
      ${pinned.map((message) => html`<button type="button" role="menuitem" class="menu-item pin-item" onClick=${() => visit(message)}>
        <strong>${dir.fullName(message.user || message.bot_id)}</strong> <small>${ago(dateOf(message.ts))}</small><span>${plainSummary(message, dir, 160)}</span></button>`)}
    <//>`}</span>`;
}

function Header({channel, dir, pins, messages}) {
  const members = channel.members || [];
  return html`<header class="channel-head">
    <${MenuButton} />
    <h1 class="channel-title" data-testid="channel-title"><${ChannelName} channel=${channel} dir=${dir} /></h1>
    ${channel.is_ext_shared && html`<span class="shared-badge" title="People from another organisation are in this channel">Shared</span>`}
    ${channel.is_archived && html`<span class="shared-badge">Archived</span>`}
    ${channel.topic && html`<span class="topic" title=${channel.topic}>${channel.topic}</span>`}
    <span class="grow"></span>
    <${Pins} channel=${channel} dir=${dir} pins=${pins} messages=${messages} />
    ${!channel.is_im && html`<span class="header-chip faces" title=${members.map((id) => dir.fullName(id)).join(', ')}>
      ${members.slice(0, 3).map((id) => html`<${Avatar} key=${id} dir=${dir} id=${id} size=${22} />`)}<span>${members.length}</span></span>`}
  </header>`;
}

function Intro({channel, dir}) {
  if (channel.is_im) return html`<div class="intro"><${Avatar} dir=${dir} id=${dir.peer(channel)} size=${72} /><h2>${dir.channelName(channel)}</h2><p>This conversation is just between you and ${dir.channelName(channel)}.</p></div>`;
  return html`<div class="intro"><h2><${Icon} name=${channel.is_private ? 'lock' : 'hash'} />${channel.name}</h2>
    <p>${channel.topic ? `${channel.topic}.`.replace(/([.!?])\.$/, '$1') : `This is the very beginning of the channel #${channel.name}.`}
    ${channel.bot_is_member === false && dir.bot.name ? html` <span class="intro-note">${dir.bot.name} is not a member here: <code>/invite @${dir.handle(dir.bot.user_id)}</code></span>` : null}</p></div>`;
}

export function Conversation({channel, dir}) {
  const messages = useStore((state) => state.messages[channel.id]);
  const pins = useStore((state) => state.pins[channel.id] || none);
  const newFrom = useStore((state) => state.newFrom[channel.id]);
  const failed = useStore((state) => state.failed[channel.id]);
  const member = (channel.members || []).includes(dir.me) || channel.is_im;
  return html`
    ${failed && html`<div class="pane-error" role="alert">${failed}</div>`}
    ${messages ? html`<${MessageList} key=${channel.id} messages=${messages} dir=${dir} channel=${channel.id} pins=${pins} newFrom=${newFrom} intro=${html`<${Intro} channel=${channel} dir=${dir} />`} label=${`Messages in ${dir.channelName(channel)}`} />`
      : html`<div class="list-frame loading" aria-busy="true">${!failed && html`<div class="skeleton"></div><div class="skeleton"></div><div class="skeleton"></div>`}</div>`}
    ${channel.is_archived ? html`<div class="composer-closed">This channel is archived. Nobody can write here.</div>`
      : member ? html`<${Composer} key=${channel.id} channel=${channel} dir=${dir} />`
        : html`<div class="composer-closed"><p>You are looking at <b>#${dir.channelName(channel)}</b>, of which you are not a member.</p><button type="button" class="button button-primary" data-testid="join" onClick=${() => join(channel)}>Join channel</button></div>`}`;
}

export function ChannelPane({channel, dir}) {
  const messages = useStore((state) => state.messages[channel.id] || none);
  const pins = useStore((state) => state.pins[channel.id] || none);
  return html`<main class="pane pane-main" data-pane aria-label=${`Channel ${dir.channelName(channel)}`}>
    <${Header} channel=${channel} dir=${dir} pins=${pins} messages=${messages} />
    <${Bookmarks} channel=${channel} />
    <${Conversation} channel=${channel} dir=${dir} />
  </main>`;
}
