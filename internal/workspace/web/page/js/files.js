// Files under a message: pictures inline, everything else as a card that opens
// the viewer.
import {html} from './html.js';
import {Icon} from './icons.js';
import {safeURL} from './mrkdwn.js';
import {store} from './store.js';

const kinds = [
  [/csv|tab-separated/, 'CSV', 'file-green', 'table'],
  [/^image\//, 'Image', 'file-purple', 'image'],
  [/json|ndjson/, 'JSON', 'file-orange', 'text'],
  [/html/, 'HTML', 'file-blue', 'text'],
  [/markdown/, 'Markdown', 'file-blue', 'text'],
  [/^text\//, 'Plain text', 'file-blue', 'text'],
  [/pdf/, 'PDF', 'file-red', 'none'],
];

// kindOf tells what a file is called, its colour, and how it can be shown.
export function kindOf(file) {
  const type = file.mimetype || '';
  const byName = {csv: 'text/csv', tsv: 'text/tab-separated-values', json: 'application/json', ndjson: 'application/json', txt: 'text/plain', log: 'text/plain', md: 'text/markdown', png: 'image/png', svg: 'image/svg+xml'};
  const guess = byName[(file.name || '').split('.').pop().toLowerCase()] || '';
  const found = [type, guess].map((one) => one && kinds.find(([pattern]) => pattern.test(one))).find((kind) => kind && kind[3] !== 'text') || kinds.find(([pattern]) => pattern.test(type) || pattern.test(guess));
  const [, name, color, view] = found || [null, 'File', 'file-grey', 'none'];
  return {name, color, view};
}

export function sizeOf(bytes) {
  if (bytes === undefined || bytes === null) return '';
  const units = ['bytes', 'kB', 'MB', 'GB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 ? size : size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
}

export const fileURL = (file) => safeURL(file.url || file.url_private || '');

const open = (file) => store.set({viewer: file});

function Picture({file}) {
  return html`<figure class="picture"><figcaption>${file.title || file.name}</figcaption>
    <button type="button" class="picture-open" data-testid=${`file-${file.id}`} aria-label=${`Open ${file.title || file.name}`} onClick=${() => open(file)}><img src=${fileURL(file)} alt=${file.alt_txt || file.title || file.name} /></button></figure>`;
}

function Card({file}) {
  const kind = kindOf(file);
  return html`<div class="file-card">
    <button type="button" class="file-open" data-testid=${`file-${file.id}`} onClick=${() => open(file)}>
      <span class=${`file-icon ${kind.color}`} aria-hidden="true">${kind.name.slice(0, 4).toUpperCase()}</span>
      <span class="file-names"><span class="file-name">${file.title || file.name}</span><span class="file-kind">${kind.name}${file.size !== undefined ? ` · ${sizeOf(file.size)}` : ''}</span></span>
    </button>
    <a class="file-download" href=${fileURL(file)} download=${file.name} aria-label=${`Download ${file.name}`} title="Download"><${Icon} name="download" /></a>
  </div>`;
}

export function Files({files}) {
  if (!files?.length) return null;
  return html`<div class="files">${files.map((file) => (kindOf(file).view === 'image' ? html`<${Picture} key=${file.id} file=${file} />` : html`<${Card} key=${file.id} file=${file} />`))}</div>`;
}
