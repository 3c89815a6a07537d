// The rich_text block: sections, lists at any indent, preformatted, quotes, and
// every inline element with its styles.
import {html} from './html.js';
import {Broadcast, ChannelMention, Emoji, GroupMention, Link, Mention, SlackDate} from './mrkdwn.js';
import {emoji, fromUnicode} from './emoji.js';
import {Unknown} from './unknown.js';

const styles = [['bold', 'strong'], ['italic', 'em'], ['strike', 's'], ['underline', 'u'], ['highlight', 'mark'], ['client_highlight', 'mark'], ['code', 'code']];

function styled(content, style) {
  return styles.reduce((inner, [name, tag]) => (style?.[name] ? html`<${tag}>${inner}<//>` : inner), content);
}

function content(element, dir) {
  switch (element.type) {
    case 'text': return element.text;
    case 'link': return html`<${Link} url=${element.url}>${element.text || element.url}<//>`;
    case 'user': return html`<${Mention} dir=${dir} id=${element.user_id} />`;
    case 'usergroup': return html`<${GroupMention} dir=${dir} id=${element.usergroup_id} />`;
    case 'channel': return html`<${ChannelMention} dir=${dir} id=${element.channel_id} />`;
    case 'broadcast': return html`<${Broadcast} range=${element.range} />`;
    case 'date': return html`<${SlackDate} seconds=${element.timestamp} format=${element.format} url=${element.url} fallback=${element.fallback || ''} />`;
    case 'color': return html`<span class="color"><i style=${{background: element.value}}></i>${element.value}</span>`;
    case 'emoji': return emoji(element.name) || !element.unicode
      ? html`<${Emoji} name=${element.name} />`
      : html`<span class="emoji" role="img" aria-label=${element.name}>${fromUnicode(element.unicode) || `:${element.name}:`}</span>`;
    default: return html`<${Unknown} what=${`rich text element “${element.type}”`} inline />`;
  }
}

export function RichInline({elements, dir}) {
  return (elements || []).map((element) => styled(content(element, dir), element.style));
}

const preformattedText = (elements) => (elements || []).map((element) => element.text ?? element.url ?? '').join('');

const orderedMark = ['decimal', 'lower-alpha', 'lower-roman'];
const bulletMark = ['disc', 'circle', 'square'];

function RichList({element, dir}) {
  const indent = element.indent || 0;
  const ordered = element.style === 'ordered';
  const look = {marginLeft: `${indent * 28}px`, listStyleType: (ordered ? orderedMark : bulletMark)[indent % 3]};
  const items = (element.elements || []).map((item) => html`<li><${RichInline} elements=${item.elements} dir=${dir} /></li>`);
  const border = element.border ? 'bordered' : '';
  return ordered
    ? html`<ol class=${border} style=${look} start=${(element.offset || 0) + 1}>${items}</ol>`
    : html`<ul class=${border} style=${look}>${items}</ul>`;
}

function RichElement({element, dir}) {
  switch (element.type) {
    case 'rich_text_section': return html`<div class="paragraph"><${RichInline} elements=${element.elements} dir=${dir} /></div>`;
    case 'rich_text_list': return html`<${RichList} element=${element} dir=${dir} />`;
    case 'rich_text_preformatted': return html`<pre data-language=${element.language}>${preformattedText(element.elements)}</pre>`;
    case 'rich_text_quote': return html`<blockquote><div class="paragraph"><${RichInline} elements=${element.elements} dir=${dir} /></div></blockquote>`;
    default: return html`<${Unknown} what=${`rich text part “${element.type}”`} />`;
  }
}

export function RichText({block, dir}) {
  return html`<div class="mrkdwn rich-text">${(block.elements || []).map((element) => html`<${RichElement} element=${element} dir=${dir} />`)}</div>`;
}
