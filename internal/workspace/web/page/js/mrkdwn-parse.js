// Slack's mrkdwn, parsed into a small tree and nothing else: no DOM, no names
// looked up. What is not a known construction stays plain text.
//
// Blocks: {type: 'paragraph', kids} | {type: 'pre', text} | {type: 'quote', blocks}
// Inline: {type: 'text'|'code', text} | {type: 'bold'|'italic'|'strike', kids}
//   | {type: 'user'|'channel'|'group'|'broadcast', id, label} | {type: 'emoji', name}
//   | {type: 'link', url, label} | {type: 'date', seconds, format, url, fallback}
import {emoji} from './emoji.js';

export const decode = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

const wordCharacter = /[\p{L}\p{N}]/u;
const marks = {'*': 'bold', _: 'italic', '~': 'strike'};
const linkScheme = /^(https?:\/\/|mailto:|tel:)/i;
const bareLink = /^https?:\/\/[^\s<>|"`]+/i;
const emojiName = /^:([a-z0-9_+\-']+)(?:::skin-tone-\d)?:/;

export function parse(source, {verbatim = false} = {}) {
  const blocks = [];
  let rest = String(source ?? '');
  for (;;) {
    const fence = /```([\s\S]+?)```/.exec(rest);
    if (!fence) break;
    const before = rest.slice(0, fence.index).replace(/\n$/, '');
    if (before) blocks.push(...lines(before, verbatim));
    blocks.push({type: 'pre', text: plain(fence[1].replace(/^\n/, '').replace(/\n$/, ''))});
    rest = rest.slice(fence.index + fence[0].length).replace(/^\n/, '');
  }
  if (rest) blocks.push(...lines(rest, verbatim));
  return blocks;
}

const quoteMark = /^(?:&gt;|>)(?!&gt;&gt;|>>) ?/;
const quoteRest = /^(?:&gt;|>){3} ?/;

// lines separates quoted lines from the others.
function lines(text, verbatim) {
  const blocks = [];
  const all = text.split('\n');
  for (let i = 0; i < all.length;) {
    if (quoteRest.test(all[i])) {
      const quoted = all.slice(i).join('\n').replace(quoteRest, '');
      blocks.push({type: 'quote', blocks: [{type: 'paragraph', kids: inline(quoted, verbatim)}]});
      break;
    }
    const quoted = quoteMark.test(all[i]);
    let end = i;
    while (end < all.length && !quoteRest.test(all[end]) && quoteMark.test(all[end]) === quoted) end++;
    const run = all.slice(i, end).map((line) => (quoted ? line.replace(quoteMark, '') : line)).join('\n');
    const paragraph = {type: 'paragraph', kids: inline(run, verbatim)};
    blocks.push(quoted ? {type: 'quote', blocks: [paragraph]} : paragraph);
    i = end;
  }
  return blocks;
}

// inline parses one run of text, which may contain line breaks.
export function inline(text, verbatim = false) {
  const nodes = [];
  let buffer = '';
  const flush = () => {
    if (buffer) nodes.push({type: 'text', text: decode(buffer)});
    buffer = '';
  };
  for (let i = 0; i < text.length;) {
    const found = constructionAt(text, i, verbatim);
    if (found) {
      flush();
      nodes.push(found.node);
      i += found.length;
    } else {
      buffer += text[i];
      i++;
    }
  }
  flush();
  return nodes;
}

function constructionAt(text, i, verbatim) {
  const letter = text[i];
  if (letter === '<') return reference(text, i);
  if (letter === '`') return code(text, i);
  if (letter === ':') return emojiAt(text, i);
  if (marks[letter]) return styled(text, i, verbatim);
  if (!verbatim && (letter === 'h' || letter === 'H') && atWordStart(text, i)) return bare(text, i);
  return null;
}

const atWordStart = (text, i) => i === 0 || !wordCharacter.test(text[i - 1]);

function reference(text, i) {
  const end = text.indexOf('>', i + 1);
  if (end < 0) return null;
  const inner = text.slice(i + 1, end);
  if (!inner || /[<\n]/.test(inner)) return null;
  const node = referenceNode(inner);
  return node && {node, length: end + 1 - i};
}

function referenceNode(inner) {
  const bar = inner.indexOf('|');
  const target = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? '' : decode(inner.slice(bar + 1));
  if (/^@[UWB][A-Z0-9]+$/.test(target)) return {type: 'user', id: target.slice(1), label};
  if (/^#[CGD][A-Z0-9]+$/.test(target)) return {type: 'channel', id: target.slice(1), label};
  if (/^!subteam\^[A-Z0-9]+$/.test(target)) return {type: 'group', id: target.slice(9), label};
  if (/^!(here|channel|everyone)$/.test(target)) return {type: 'broadcast', id: target.slice(1)};
  if (target.startsWith('!date^')) {
    const [, seconds, format = '', url = ''] = target.split('^');
    return {type: 'date', seconds, format: decode(format), url: decode(url), fallback: label};
  }
  if (linkScheme.test(target)) return {type: 'link', url: decode(target), label};
  return null;
}

function code(text, i) {
  const end = text.indexOf('`', i + 1);
  const inner = end < 0 ? '' : text.slice(i + 1, end);
  if (!inner.trim() || inner.includes('\n')) return null;
  return {node: {type: 'code', text: plain(inner)}, length: end + 1 - i};
}

// plain is how references look where no markup is allowed (inside code).
function plain(text) {
  const shown = text.replace(/<([^<>\n]+)>/g, (whole, inner) => {
    const node = referenceNode(inner);
    if (!node) return whole;
    return node.type === 'link' ? inner.slice(inner.indexOf('|') + 1) : whole;
  });
  return decode(shown);
}

function emojiAt(text, i) {
  const match = emojiName.exec(text.slice(i, i + 64));
  if (!match || !emoji(match[1])) return null;
  return {node: {type: 'emoji', name: match[1]}, length: match[0].length};
}

function bare(text, i) {
  const match = bareLink.exec(text.slice(i, i + 3000));
  if (!match) return null;
  const written = match[0].replace(/[.,;:!?)'*_~\]]+$/, '');
  return {node: {type: 'link', url: decode(written), label: ''}, length: written.length};
}

// styled needs a mark that opens at a word's start, closes at a word's end and
// does not cross a line, as Slack does: 2*3*4 and snake_case_name are text.
function styled(text, i, verbatim) {
  const mark = text[i];
  const next = text[i + 1];
  if (!atWordStart(text, i) || text[i - 1] === mark || !next || /\s/.test(next) || next === mark) return null;
  for (let j = i + 1; j < text.length && text[j] !== '\n'; j++) {
    if (text[j] === '<' || text[j] === '`') {
      const skipped = text[j] === '<' ? reference(text, j) : code(text, j);
      if (skipped) j += skipped.length - 1;
      continue;
    }
    const after = text[j + 1];
    if (text[j] !== mark || /\s/.test(text[j - 1]) || (after && (wordCharacter.test(after) || after === mark))) continue;
    return {node: {type: marks[mark], kids: inline(text.slice(i + 1, j), verbatim)}, length: j + 1 - i};
  }
  return null;
}
