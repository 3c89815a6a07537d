// Block Kit blocks. `place` says where they are: {key, surface, channel, ts} for
// a message, {key, surface, view} for a modal or the Home tab.
import {html} from './html.js';
import {Element} from './elements.js';
import {Markdown} from './markdown.js';
import {Mrkdwn, TextObject, plainText, safeURL} from './mrkdwn.js';
import {RichText} from './rich-text.js';
import {Table} from './table.js';
import {Unknown} from './unknown.js';

function Section({block, dir, place}) {
  return html`<div class="section">
    <div class="section-body">
      ${block.text && html`<${TextObject} object=${block.text} dir=${dir} />`}
      ${block.fields && html`<div class="fields">${block.fields.map((field) => html`<div class="field"><${TextObject} object=${field} dir=${dir} /></div>`)}</div>`}
    </div>
    ${block.accessory && html`<div class="accessory"><${Element} element=${block.accessory} block=${block} dir=${dir} place=${place} /></div>`}
  </div>`;
}

function Context({block, dir}) {
  return html`<div class="context">${(block.elements || []).map((element) => (element.type === 'image'
    ? html`<img class="context-image" src=${safeURL(element.image_url)} alt=${element.alt_text || ''} />`
    : html`<div class="context-text"><${TextObject} object=${element} dir=${dir} /></div>`))}</div>`;
}

function Actions({block, dir, place}) {
  return html`<div class="actions" role="group">${(block.elements || []).map((element) => html`<${Element} key=${element.action_id} element=${element} block=${block} dir=${dir} place=${place} />`)}</div>`;
}

function Image({block}) {
  const url = safeURL(block.image_url || block.slack_file?.url || '');
  return html`<figure class="image-block">
    ${block.title && html`<figcaption>${plainText(block.title)}</figcaption>`}
    <a href=${url} target="_blank" rel="noopener noreferrer"><img src=${url} alt=${block.alt_text || ''} loading="lazy" /></a>
  </figure>`;
}

function Input({block, dir, place}) {
  const error = place.errors?.[block.block_id];
  const id = `input-${place.key}-${block.block_id}`;
  return html`<div class=${`input-block ${error ? 'has-error' : ''}`} data-testid=${`input-${block.block_id}`}>
    <label for=${id} id=${`${id}-label`}>${plainText(block.label)}${block.optional && html`<span class="optional"> (optional)</span>`}</label>
    <${Element} element=${block.element} block=${block} dir=${dir} place=${place} id=${id} labelled=${`${id}-label`} described=${error ? `${id}-error` : `${id}-hint`} invalid=${Boolean(error)} />
    ${error && html`<div class="input-error" id=${`${id}-error`} role="alert" data-testid=${`error-${block.block_id}`}>${error}</div>`}
    ${block.hint && html`<div class="input-hint" id=${`${id}-hint`}>${plainText(block.hint)}</div>`}
  </div>`;
}

function Block({block, dir, place}) {
  switch (block.type) {
    case 'section': return html`<${Section} block=${block} dir=${dir} place=${place} />`;
    case 'header': return html`<div class=${`header-block header-${block.level || 1}`} role="heading" aria-level=${2 + (block.level || 1)}>${plainText(block.text)}</div>`;
    case 'divider': return html`<hr />`;
    case 'context': return html`<${Context} block=${block} dir=${dir} />`;
    case 'actions': return html`<${Actions} block=${block} dir=${dir} place=${place} />`;
    case 'image': return html`<${Image} block=${block} />`;
    case 'input': return html`<${Input} block=${block} dir=${dir} place=${place} />`;
    case 'rich_text': return html`<${RichText} block=${block} dir=${dir} />`;
    case 'markdown': return html`<${Markdown} text=${block.text} />`;
    case 'table': return html`<${Table} block=${block} dir=${dir} />`;
    default: return html`<${Unknown} what=${`block “${block?.type}”`} />`;
  }
}

export function Blocks({blocks, dir, place}) {
  return html`<div class="blocks">${(blocks || []).map((block, i) => html`<${Block} key=${block.block_id || i} block=${block} dir=${dir} place=${place} />`)}</div>`;
}

// Attachments are Slack's older frame around blocks, with a colour bar.
export function Attachments({attachments, dir, place}) {
  return (attachments || []).map((attachment) => html`<div class="attachment" style=${{borderColor: /^[0-9a-f]{6}$/i.test(attachment.color || '') ? `#${attachment.color}` : attachment.color}}>
    ${attachment.blocks ? html`<${Blocks} blocks=${attachment.blocks} dir=${dir} place=${place} />` : html`<${Mrkdwn} text=${attachment.text || attachment.fallback || ''} dir=${dir} />`}
  </div>`);
}
