// Draws mrkdwn trees and the small things that mrkdwn and rich text share:
// mentions, dates, emoji, links that lead nowhere dangerous.
import {html} from './html.js';
import {emoji} from './emoji.js';
import {decode, parse} from './mrkdwn-parse.js';
import {exactTime, formatDate} from './time.js';
import {openChannel} from './route.js';

// safeURL lets through what a link may lead to; anything else is text.
export function safeURL(url) {
  try {
    const parsed = new URL(url, location.origin);
    return ['http:', 'https:', 'mailto:', 'tel:'].includes(parsed.protocol) ? parsed.href : '';
  } catch {
    return '';
  }
}

export function Link({url, children}) {
  const href = safeURL(url);
  if (!href) return html`<span>${children}</span>`;
  return html`<a href=${href} target="_blank" rel="noopener noreferrer">${children}</a>`;
}

export function Mention({dir, id, label}) {
  const mine = id === dir.me;
  return html`<span class=${`mention ${mine ? 'mention-me' : ''}`} title=${dir.fullName(id)}>@${dir.person(id) || !label ? dir.handle(id) : label}</span>`;
}

export function GroupMention({dir, id, label}) {
  const group = dir.byGroup.get(id);
  const mine = group?.users?.includes(dir.me);
  return html`<span class=${`mention ${mine ? 'mention-me' : ''}`}>@${group ? dir.groupHandle(id) : (label || id).replace(/^@/, '')}</span>`;
}

export const Broadcast = ({range}) => html`<span class="mention mention-me">@${range}</span>`;

export function ChannelMention({dir, id, label}) {
  const channel = dir.channel(id);
  if (!channel) return html`<span class="mention">${label ? `#${label}` : '🔒 private channel'}</span>`;
  return html`<a class="mention" href=${`#/${id}`} onClick=${(event) => { event.preventDefault(); openChannel(id); }}>${channel.is_private ? '🔒' : '#'}${dir.channelName(channel)}</a>`;
}

export function Emoji({name, big}) {
  const picture = emoji(name);
  if (!picture) return html`<span>:${name}:</span>`;
  return html`<span class=${`emoji ${big ? 'emoji-big' : ''}`} role="img" aria-label=${name.replaceAll('_', ' ')} title=${`:${name}:`}>${picture}</span>`;
}

export function SlackDate({seconds, format, url, fallback}) {
  const text = formatDate(seconds, format) || fallback;
  const date = new Date(Number(seconds) * 1000);
  const title = Number.isNaN(date.getTime()) ? undefined : exactTime(date);
  const time = html`<time class="date" title=${title}>${text}</time>`;
  return url && safeURL(url) ? html`<${Link} url=${url}>${time}<//>` : time;
}

function Inline({nodes, dir}) {
  return nodes.map((node) => {
    switch (node.type) {
      case 'bold': return html`<strong><${Inline} nodes=${node.kids} dir=${dir} /></strong>`;
      case 'italic': return html`<em><${Inline} nodes=${node.kids} dir=${dir} /></em>`;
      case 'strike': return html`<s><${Inline} nodes=${node.kids} dir=${dir} /></s>`;
      case 'code': return html`<code>${node.text}</code>`;
      case 'user': return html`<${Mention} dir=${dir} id=${node.id} label=${node.label} />`;
      case 'group': return html`<${GroupMention} dir=${dir} id=${node.id} label=${node.label} />`;
      case 'channel': return html`<${ChannelMention} dir=${dir} id=${node.id} label=${node.label} />`;
      case 'broadcast': return html`<${Broadcast} range=${node.id} />`;
      case 'date': return html`<${SlackDate} ...${node} />`;
      case 'emoji': return html`<${Emoji} name=${node.name} />`;
      case 'link': return html`<${Link} url=${node.url}>${node.label || node.url.replace(/^(mailto|tel):/i, '')}<//>`;
      default: return html`${node.text}`;
    }
  });
}

function Tree({blocks, dir}) {
  return blocks.map((block) => {
    switch (block.type) {
      case 'pre': return html`<pre>${block.text}</pre>`;
      case 'quote': return html`<blockquote><${Tree} blocks=${block.blocks} dir=${dir} /></blockquote>`;
      default: return html`<div class="paragraph"><${Inline} nodes=${block.kids} dir=${dir} /></div>`;
    }
  });
}

export function Mrkdwn({text, dir, verbatim}) {
  return html`<div class="mrkdwn"><${Tree} blocks=${parse(text, {verbatim})} dir=${dir} /></div>`;
}

// plainText is plain_text as shown: entities decoded, short names pictured.
export function plainText(object) {
  const text = decode(String(object?.text ?? ''));
  if (object?.emoji === false) return text;
  return text.replace(/:([a-z0-9_+\-']+):/g, (whole, name) => emoji(name) || whole);
}

// TextObject draws Block Kit's text object of either kind.
export function TextObject({object, dir}) {
  if (!object) return null;
  if (object.type === 'mrkdwn') return html`<${Mrkdwn} text=${object.text} dir=${dir} verbatim=${object.verbatim} />`;
  return html`<span class="plain-text">${plainText(object)}</span>`;
}
