// The links at the top of a channel.
import {html} from './html.js';
import {Icon} from './icons.js';
import {Emoji, safeURL} from './mrkdwn.js';

export function Bookmarks({channel}) {
  const links = (channel.bookmarks || []).filter((one) => safeURL(one.link));
  if (!links.length) return null;
  return html`<nav class="bookmarks" aria-label="Bookmarks" data-testid="bookmarks">${links.map((one) => html`<a key=${one.id} class="bookmark" href=${safeURL(one.link)} target="_blank" rel="noopener noreferrer" title=${one.link}>
    ${one.emoji ? html`<${Emoji} name=${one.emoji.replaceAll(':', '')} />` : html`<${Icon} name="link" />`}<span>${one.title}</span></a>`)}</nav>`;
}
