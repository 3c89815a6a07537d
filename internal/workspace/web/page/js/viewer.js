// The file viewer: a table for CSV, text for text, the picture for pictures.
// It reads only the beginning of a file, however large the file is.
import {html, useEffect, useState} from './html.js';
import {Dialog} from './dialog.js';
import {Icon} from './icons.js';
import {fileURL, kindOf, sizeOf} from './files.js';
import {parseCSV} from './csv.js';
import {store, useStore} from './store.js';

const mostBytes = 256 * 1024;
const mostRows = 200;

// readBeginning returns {text, whole}: at most mostBytes of the file.
async function readBeginning(url, signal) {
  const response = await fetch(url, {signal});
  if (!response.ok) throw new Error(`The file could not be read (${response.status}).`);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return {text: text + decoder.decode(), whole: true};
    text += decoder.decode(value, {stream: true});
    size += value.length;
    if (size >= mostBytes) {
      reader.cancel();
      return {text, whole: false};
    }
  }
}

function useBeginning(file, wanted) {
  const [read, setRead] = useState({});
  useEffect(() => {
    if (!wanted) return undefined;
    const abort = new AbortController();
    readBeginning(fileURL(file), abort.signal).then(setRead, (error) => { if (!abort.signal.aborted) setRead({error: error.message}); });
    return () => abort.abort();
  }, [file.id]);
  return read;
}

function TablePreview({text, whole, comma}) {
  const parsed = parseCSV(text, mostRows + 2, comma);
  const rows = whole || parsed.length > mostRows + 1 ? parsed : parsed.slice(0, -1);
  const [head = [], ...all] = rows;
  const body = all.slice(0, mostRows);
  const numeric = head.map((_, i) => body.length > 0 && body.every((row) => row[i] === undefined || row[i] === '' || /^-?[\d,.]+$/.test(row[i])));
  const align = (i) => (numeric[i] ? 'align-right' : '');
  const complete = whole && all.length <= mostRows;
  return html`<div class="viewer-count">${complete ? `${body.length.toLocaleString('en-US')} ${body.length === 1 ? 'row' : 'rows'}` : `First ${body.length.toLocaleString('en-US')} rows; download the file for all of them`}</div>
    <div class="viewer-table" tabindex="0" role="region" aria-label="Rows of the file"><table class="table sheet" data-testid="csv-table">
      <thead><tr><th class="row-number" aria-label="row"></th>${head.map((name, i) => html`<th scope="col" class=${align(i)}>${name}</th>`)}</tr></thead>
      <tbody>${body.map((row, n) => html`<tr><td class="row-number">${n + 1}</td>${head.map((_, i) => html`<td class=${align(i)}>${row[i] ?? ''}</td>`)}</tr>`)}</tbody>
    </table></div>`;
}

function Content({file}) {
  const {view} = kindOf(file);
  const {text, whole, error} = useBeginning(file, view === 'table' || view === 'text');
  if (view === 'image') return html`<div class="viewer-picture"><img src=${fileURL(file)} alt=${file.alt_txt || file.title || file.name} /></div>`;
  if (view === 'none') return html`<p class="viewer-none">There is no preview for this kind of file. Download it to look inside.</p>`;
  if (error) return html`<p class="viewer-none" role="alert">${error}</p>`;
  if (text === undefined) return html`<p class="viewer-none">Reading…</p>`;
  if (view === 'table') return html`<${TablePreview} text=${text} whole=${whole} comma=${/tab|tsv/.test(`${file.mimetype} ${file.name}`) ? '\t' : ','} />`;
  return html`<pre class="viewer-text" tabindex="0">${text}${whole ? '' : '\n… (download the file for the rest)'}</pre>`;
}

export function Viewer() {
  const file = useStore((state) => state.viewer);
  if (!file) return null;
  const close = () => store.set({viewer: null});
  return html`<${Dialog} class="viewer" label=${file.title || file.name} close=${close} testid="file-viewer">
    <header class="viewer-head"><div><h2>${file.title || file.name}</h2><small>${[kindOf(file).name, sizeOf(file.size), file.title && file.title !== file.name ? file.name : ''].filter(Boolean).join(' · ')}</small></div>
      <a class="button button-default" href=${fileURL(file)} download=${file.name} data-testid="file-download"><${Icon} name="download" /> Download</a>
      <button type="button" class="icon-button" aria-label="Close file" data-autofocus data-testid="file-close" onClick=${close}><${Icon} name="close" /></button></header>
    <div class="viewer-body"><${Content} key=${file.id} file=${file} /></div>
  <//>`;
}
