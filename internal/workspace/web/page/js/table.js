// The `table` block: the first row is the heading; columns align and wrap as
// `column_settings` say; a wide table scrolls inside its own frame.
import {html} from './html.js';
import {RichInline, RichText} from './rich-text.js';
import {Unknown} from './unknown.js';

function Cell({cell, dir}) {
  switch (cell?.type) {
    case 'raw_text': return html`${cell.text}`;
    case 'raw_number': return html`${cell.text ?? new Intl.NumberFormat('en-US', {maximumFractionDigits: 20}).format(cell.value)}`;
    case 'rich_text': {
      const only = cell.elements?.length === 1 && cell.elements[0];
      if (only && only.type === 'rich_text_section') return html`<${RichInline} elements=${only.elements} dir=${dir} />`;
      return html`<${RichText} block=${cell} dir=${dir} />`;
    }
    case undefined: return null;
    default: return html`<${Unknown} what=${`cell “${cell.type}”`} inline />`;
  }
}

export function Table({block, dir}) {
  const settings = block.column_settings || [];
  const look = (cell, i) => {
    const align = settings[i]?.align || 'left';
    return `align-${align} ${settings[i]?.is_wrapped ? 'wrapped' : ''}`;
  };
  const [head, ...rows] = block.rows || [];
  if (!head) return html`<${Unknown} what="table without rows" />`;
  const draw = (tag) => (cell, i) => html`<${tag} class=${look(cell, i)} scope=${tag === 'th' ? 'col' : undefined}><${Cell} cell=${cell} dir=${dir} /><//>`;
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label=${`Table, ${rows.length} rows`}><table class="table" data-testid="table">
    <thead><tr>${head.map(draw('th'))}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map(draw('td'))}</tr>`)}</tbody>
  </table></div>`;
}
