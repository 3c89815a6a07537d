// What the page says where Slack would show something that the page cannot
// draw: visible, so that nobody takes an absence for an empty message.
import {html} from './html.js';

export function Unknown({what, inline}) {
  const text = `This page cannot show the ${what}.`;
  return inline ? html`<span class="unknown">${text}</span>` : html`<div class="unknown" data-testid="unknown-block">${text}</div>`;
}
