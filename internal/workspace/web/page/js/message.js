// One message: gutter, name line, body, files, reactions, thread line, and the
// tool bar that appears on hover and on focus.
import {html, Component, useRef, useState} from './html.js';
import {Attachments, Blocks} from './blocks.js';
import {Avatar} from './avatar.js';
import {Files} from './files.js';
import {MessageEditor} from './edit.js';
import {Icon} from './icons.js';
import {Emoji, Mrkdwn} from './mrkdwn.js';
import {Popover} from './popover.js';
import {deleteMessage, pin, react, runShortcut, toast} from './actions.js';
import {ago, clock, dateOf, dayLabel, exactTime} from './time.js';
import {ask} from './confirm.js';
import {openThread} from './route.js';

const quickReactions = ['white_check_mark', 'eyes', 'raised_hands', 'pushpin'];

const authorOf = (message) => message.user || message.bot_id || '';

function Time({message}) {
  const date = dateOf(message.ts);
  return html`<time class="message-time" datetime=${date.toISOString()} title=${exactTime(date)}>${clock(date)}</time>`;
}

function NameLine({message, dir}) {
  const author = authorOf(message);
  const name = message.username || dir.fullName(author);
  return html`<div class="name-line">
    <span class="author">${name}</span>
    ${(message.bot_id || dir.isBot(author)) && html`<span class="app-badge">APP</span>`}
    <${Time} message=${message} />
  </div>`;
}

// What a person typed comes both as text and as blocks; the text is the one
// with mentions and links in Slack's own form.
const typedByAPerson = (message) => !message.bot_id && Boolean(message.text) && message.blocks.every((block) => block.type === 'rich_text');

function Body({message, dir, place}) {
  const edited = message.edited && html`<span class="edited" title=${exactTime(dateOf(message.edited.ts))}> (edited)</span>`;
  if (message.command) return html`<div class="mrkdwn command-echo">${message.command}</div>`;
  if (message.blocks?.length && !typedByAPerson(message)) {
    return html`<${Blocks} blocks=${message.blocks} dir=${dir} place=${place} /><${Attachments} attachments=${message.attachments} dir=${dir} place=${place} />${edited}`;
  }
  return html`<div class="message-text">${message.text && html`<${Mrkdwn} text=${message.text} dir=${dir} />`}${edited}</div>
    <${Attachments} attachments=${message.attachments} dir=${dir} place=${place} />`;
}

function Reactions({message, dir, channel}) {
  if (!message.reactions?.length) return null;
  return html`<div class="reactions">${message.reactions.map(({name, users}) => {
    const mine = users.includes(dir.me);
    return html`<button key=${name} type="button" class=${`reaction ${mine ? 'mine' : ''}`} aria-pressed=${mine} title=${`${users.map((id) => dir.fullName(id)).join(', ')} reacted with :${name}:`}
      onClick=${() => react(channel, message.ts, name, mine)}><${Emoji} name=${name} /> <span>${users.length}</span></button>`;
  })}</div>`;
}

function ThreadLine({message, dir, channel}) {
  if (!message.reply_count) return null;
  const count = message.reply_count;
  return html`<button type="button" class="thread-line" data-testid=${`replies-${message.ts}`} onClick=${() => openThread(channel, message.ts)}>
    <span class="thread-faces">${(message.reply_users || []).slice(0, 5).map((id) => html`<${Avatar} key=${id} dir=${dir} id=${id} size=${24} />`)}</span>
    <span class="thread-count">${count} ${count === 1 ? 'reply' : 'replies'}</span>
    ${message.latest_reply && html`<span class="thread-last">Last reply ${ago(dateOf(message.latest_reply))}</span>`}
    <span class="thread-view">View thread</span><${Icon} name="chevron-right" />
  </button>`;
}

function Toolbar({message, dir, channel, pinned, inThread, edit}) {
  const [open, setOpen] = useState(false);
  const anchor = useRef();
  const shortcuts = dir.shortcuts.filter((shortcut) => shortcut.type === 'message');
  const tool = (label, icon, act) => html`<button type="button" class="tool" aria-label=${label} title=${label} onClick=${act}>${icon}</button>`;
  const choose = (act) => () => {
    setOpen(false);
    act();
  };
  const copyLink = async () => {
    try {
      await navigator.clipboard.writeText(`${location.origin}${location.pathname}#/${channel}/thread/${message.thread_ts || message.ts}`);
      toast('Link copied.');
    } catch {
      toast('The browser did not allow copying.');
    }
  };
  const mine = authorOf(message) === dir.me;
  const items = [
    ...shortcuts.map((shortcut) => [shortcut.name, () => runShortcut(shortcut, {channel, ts: message.ts})]),
    [pinned ? 'Unpin from this conversation' : 'Pin to this conversation', () => pin(channel, message.ts, pinned)],
    ['Copy link', copyLink],
    mine && !message.subtype && ['Edit message', edit],
    mine && ['Delete message…', () => ask('Delete message', 'Are you sure you want to delete this message? This cannot be undone.', 'Delete', () => deleteMessage(channel, message.ts))],
  ].filter(Boolean);
  return html`<div class=${`toolbar ${open ? 'open' : ''}`} role="group" aria-label="Message actions">
    ${quickReactions.map((name) => tool(`React with ${name.replaceAll('_', ' ')}`, html`<${Emoji} name=${name} />`, () => react(channel, message.ts, name, message.reactions?.some((one) => one.name === name && one.users.includes(dir.me)))))}
    ${!inThread && tool('Reply in thread', html`<${Icon} name="reply" />`, () => openThread(channel, message.thread_ts || message.ts))}
    <span class="anchor"><button ref=${anchor} type="button" class="tool" aria-label="More actions" title="More actions" aria-haspopup="menu" aria-expanded=${open} data-testid="message-more" onClick=${() => setOpen(!open)}><${Icon} name="dots" /></button>
    ${open && html`<${Popover} anchor=${anchor} close=${() => setOpen(false)} role="menu" class="menu">
      ${items.map(([label, act]) => html`<button type="button" role="menuitem" class=${`menu-item ${label.startsWith('Delete') ? 'menu-danger' : ''}`} onClick=${choose(act)}>${label}</button>`)}
    <//>`}</span>
  </div>`;
}

const quiet = /^(channel|group)_(join|leave|topic|purpose|name|archive|unarchive)$/;

function Content({message, dir, channel, compact, pinned, inThread}) {
  const author = authorOf(message);
  const [editing, setEditing] = useState(false);
  const place = {key: `${channel}/${message.ts}`, surface: 'message', channel, ts: message.ts};
  const look = ['message', compact && 'compact', message.is_ephemeral && 'ephemeral', pinned && 'pinned', quiet.test(message.subtype) && 'quiet'].filter(Boolean).join(' ');
  const keys = (event) => {
    if (event.target !== event.currentTarget) return;
    if (event.key === 't' && !inThread && !message.is_ephemeral) openThread(channel, message.thread_ts || message.ts);
    if (event.key === 'p' && !message.is_ephemeral) pin(channel, message.ts, pinned);
  };
  return html`<div class=${look} role="article" tabindex="-1" data-message data-testid=${message.is_ephemeral ? 'ephemeral' : 'message'} aria-label=${`${dir.fullName(author)}, ${dayLabel(dateOf(message.ts))} at ${clock(dateOf(message.ts))}`} onKeyDown=${keys}>
    ${pinned && html`<div class="mark mark-pinned"><${Icon} name="pin" />Pinned</div>`}
    ${!inThread && message.thread_ts && message.thread_ts !== message.ts && html`<div class="mark"><button type="button" class="link-button" onClick=${() => openThread(channel, message.thread_ts)}>replied to a thread</button></div>`}
    ${message.is_ephemeral && html`<div class="mark"><svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M2 10c3.500-6 12.500-6 16 0-3.500 6-12.500 6-16 0zM10 12.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z" fill="none" stroke="currentColor" stroke-width="1.500" /></svg>Only visible to you</div>`}
    <div class="gutter">${compact ? html`<${Time} message=${message} />` : html`<${Avatar} dir=${dir} id=${author} />`}</div>
    <div class="message-main">
      ${!compact && html`<${NameLine} message=${message} dir=${dir} />`}
      ${editing ? html`<${MessageEditor} message=${message} dir=${dir} channel=${channel} close=${() => setEditing(false)} />` : html`<${Body} message=${message} dir=${dir} place=${place} />`}
      <${Files} files=${message.files} />
      <${Reactions} message=${message} dir=${dir} channel=${channel} />
      ${!inThread && html`<${ThreadLine} message=${message} dir=${dir} channel=${channel} />`}
    </div>
    ${!message.is_ephemeral && html`<${Toolbar} message=${message} dir=${dir} channel=${channel} pinned=${pinned} inThread=${inThread} edit=${() => setEditing(true)} />`}
  </div>`;
}

// Message draws again only if it, its surroundings or the directory changed.
export class Message extends Component {
  shouldComponentUpdate(next) {
    return ['message', 'dir', 'compact', 'pinned', 'inThread', 'minute'].some((name) => next[name] !== this.props[name]);
  }

  render(props) {
    return html`<div role="listitem" data-testid=${`message-${props.message.ts}`}><${Content} ...${props} /></div>`;
  }
}
