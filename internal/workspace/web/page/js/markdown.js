// The `markdown` block: standard Markdown, as far as Slack draws it (headings,
// emphasis, lists, tasks, quotes, fences, tables, rules, links). HTML in it is
// text.
import {html} from './html.js';
import {Emoji, Link} from './mrkdwn.js';
import {emoji} from './emoji.js';

const item = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const rule = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const fenceMark = /^ {0,3}(```+|~~~+)\s*(\S*)/;
const divider = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

export function parseMarkdown(source) {
  const lines = String(source ?? '').replaceAll('\r\n', '\n').split('\n');
  const blocks = [];
  for (let i = 0; i < lines.length;) i = blockAt(lines, i, blocks);
  return blocks;
}

function blockAt(lines, i, blocks) {
  const line = lines[i];
  if (!line.trim()) return i + 1;
  const fence = fenceMark.exec(line);
  if (fence) return fenced(lines, i, fence[1], blocks);
  const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line);
  if (heading) {
    blocks.push({type: 'heading', level: heading[1].length, text: heading[2]});
    return i + 1;
  }
  if (rule.test(line)) {
    blocks.push({type: 'rule'});
    return i + 1;
  }
  if (/^\s*>/.test(line)) return quote(lines, i, blocks);
  if (item.test(line)) return list(lines, i, blocks);
  if (line.includes('|') && divider.test(lines[i + 1] || '') && lines[i + 1].includes('-')) return table(lines, i, blocks);
  return paragraph(lines, i, blocks);
}

function fenced(lines, i, mark, blocks) {
  let end = i + 1;
  while (end < lines.length && !lines[end].trim().startsWith(mark)) end++;
  blocks.push({type: 'pre', text: lines.slice(i + 1, end).join('\n')});
  return end + 1;
}

function quote(lines, i, blocks) {
  let end = i;
  while (end < lines.length && /^\s*>/.test(lines[end])) end++;
  const inner = lines.slice(i, end).map((line) => line.replace(/^\s*> ?/, '')).join('\n');
  blocks.push({type: 'quote', blocks: parseMarkdown(inner)});
  return end;
}

function list(lines, i, blocks) {
  const items = [];
  const [, firstIndent, firstMark] = item.exec(lines[i]);
  const ordered = /\d/.test(firstMark);
  let end = i;
  while (end < lines.length) {
    const found = item.exec(lines[end]);
    if (found && found[1].length <= firstIndent.length + 1) {
      if (/\d/.test(found[2]) !== ordered || found[1].length < firstIndent.length) break;
      items.push([found[3]]);
    } else if (items.length && lines[end].trim() && (found || /^\s/.test(lines[end]))) {
      items.at(-1).push(lines[end].replace(new RegExp(`^\\s{0,${firstIndent.length + 4}}`), (gap) => (found ? gap.slice(firstIndent.length + 2) : '')));
    } else break;
    end++;
  }
  blocks.push({type: 'list', ordered, start: Number.parseInt(firstMark, 10) || 1, items: items.map(listItem)});
  return end;
}

function listItem(itemLines) {
  const task = /^\[([ xX])\]\s+(.*)$/.exec(itemLines[0]);
  const text = task ? task[2] : itemLines[0];
  return {done: task ? task[1] !== ' ' : undefined, blocks: parseMarkdown([text, ...itemLines.slice(1)].join('\n'))};
}

const cells = (line) => line.trim().replace(/^\|/, '').replace(/\|$/, '').split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));

function table(lines, i, blocks) {
  const align = cells(lines[i + 1]).map((mark) => (/^:.*:$/.test(mark) ? 'center' : mark.endsWith(':') ? 'right' : 'left'));
  let end = i + 2;
  while (end < lines.length && lines[end].includes('|') && lines[end].trim()) end++;
  blocks.push({type: 'table', align, head: cells(lines[i]), rows: lines.slice(i + 2, end).map(cells)});
  return end;
}

function paragraph(lines, i, blocks) {
  let end = i + 1;
  while (end < lines.length && lines[end].trim() && !/^ {0,3}(#{1,6}\s|>)/.test(lines[end]) && !fenceMark.test(lines[end]) && !item.test(lines[end]) && !rule.test(lines[end])) end++;
  blocks.push({type: 'paragraph', text: lines.slice(i, end).join('\n')});
  return end;
}

const spans = [
  [/^\\([\\`*_{}[\]()#+\-.!~|<>])/, (m) => m[1]],
  [/^(`+)(.+?)\1(?!`)/, (m) => html`<code>${m[2].trim() || m[2]}</code>`],
  [/^!?\[([^\]]*)\]\(\s*<?([^\s)>]+)>?(?:\s+"[^"]*")?\s*\)/, (m) => html`<${Link} url=${m[2]}><${Spans} text=${m[1] || m[2]} /><//>`],
  [/^<(https?:\/\/[^\s>]+)>/, (m) => html`<${Link} url=${m[1]}>${m[1]}<//>`],
  [/^https?:\/\/[^\s<>"`)]+[^\s<>"`).,;:!?*_~]/, (m) => html`<${Link} url=${m[0]}>${m[0]}<//>`],
  [/^(\*\*|__)(?=\S)([\s\S]*?\S)\1/, (m) => html`<strong><${Spans} text=${m[2]} /></strong>`],
  [/^(\*|_)(?=\S)([\s\S]*?\S)\1(?![\p{L}\p{N}])/u, (m) => html`<em><${Spans} text=${m[2]} /></em>`],
  [/^~~(?=\S)([\s\S]*?\S)~~/, (m) => html`<s><${Spans} text=${m[1]} /></s>`],
  [/^:([a-z0-9_+\-']+):/, (m) => (emoji(m[1]) ? html`<${Emoji} name=${m[1]} />` : m[0])],
];

function Spans({text}) {
  const out = [];
  let buffer = '';
  for (let i = 0; i < text.length;) {
    const rest = text.slice(i);
    const insideWord = /[\p{L}\p{N}]/u.test(text[i - 1] || '');
    const span = /[\\`!\[<h*_~:]/.test(text[i]) && spans.map(([pattern, draw]) => [pattern.exec(rest), draw]).find(([match]) => match);
    if (!span || (insideWord && (text[i] === '_' || text[i] === 'h'))) {
      buffer += text[i++];
      continue;
    }
    out.push(buffer, span[1](span[0]));
    buffer = '';
    i += span[0][0].length;
  }
  return html`${[...out, buffer]}`;
}

function Tree({blocks}) {
  return blocks.map((block) => {
    switch (block.type) {
      case 'heading': return html`<div class=${`md-heading md-h${block.level}`} role="heading" aria-level=${block.level + 2}><${Spans} text=${block.text} /></div>`;
      case 'rule': return html`<hr />`;
      case 'pre': return html`<pre>${block.text}</pre>`;
      case 'quote': return html`<blockquote><${Tree} blocks=${block.blocks} /></blockquote>`;
      case 'list': return html`<${List} block=${block} />`;
      case 'table': return html`<${MarkdownTable} block=${block} />`;
      default: return html`<div class="paragraph"><${Spans} text=${block.text} /></div>`;
    }
  });
}

function List({block}) {
  const items = block.items.map(({done, blocks}) => html`<li class=${done === undefined ? '' : 'task'}>
    ${done !== undefined && html`<span role="img" aria-label=${done ? 'done' : 'to do'}>${done ? '☑' : '☐'} </span>`}<${Tree} blocks=${blocks} /></li>`);
  return block.ordered ? html`<ol start=${block.start}>${items}</ol>` : html`<ul>${items}</ul>`;
}

function MarkdownTable({block}) {
  const cell = (tag) => (text, i) => html`<${tag} class=${`align-${block.align[i] || 'left'}`}><${Spans} text=${text} /><//>`;
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label="Table"><table class="table">
    <thead><tr>${block.head.map(cell('th'))}</tr></thead>
    <tbody>${block.rows.map((row) => html`<tr>${row.map(cell('td'))}</tr>`)}</tbody></table></div>`;
}

export const Markdown = ({text}) => html`<div class="mrkdwn markdown"><${Tree} blocks=${parseMarkdown(text)} /></div>`;
