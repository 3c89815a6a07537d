// One line of plain text for a message: for the live region, pins, titles.
import {parse} from './mrkdwn-parse.js';
import {emoji} from './emoji.js';
import {formatDate} from './time.js';

function flat(nodes, dir) {
  return nodes.map((node) => {
    switch (node.type) {
      case 'user': return `@${dir?.handle(node.id) || node.label}`;
      case 'group': return `@${dir?.groupHandle(node.id) || node.label}`;
      case 'channel': return `#${dir?.channelName(dir.channel(node.id)) || node.label}`;
      case 'broadcast': return `@${node.id}`;
      case 'emoji': return emoji(node.name);
      case 'link': return node.label || node.url;
      case 'date': return formatDate(node.seconds, node.format) || node.fallback;
      default: return node.kids ? flat(node.kids, dir) : node.text;
    }
  }).join('');
}

const flatBlock = (block, dir) => (block.type === 'quote' ? block.blocks.map((one) => flatBlock(one, dir)).join(' ') : block.kids ? flat(block.kids, dir) : block.text);

export function plainSummary(message, dir, most = 200) {
  const text = parse(message.command || message.text || '').map((block) => flatBlock(block, dir)).join(' ').replace(/\s+/g, ' ').trim();
  const shown = text || (message.files?.length ? `file ${message.files[0].title || message.files[0].name}` : 'a message');
  return shown.length > most ? `${shown.slice(0, most - 1)}…` : shown;
}
