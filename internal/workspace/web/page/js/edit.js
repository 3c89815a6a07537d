// Changing a message of one's own: the text in a box where the message stands.
import {html, useEffect, useRef, useState} from './html.js';
import {editMessage} from './actions.js';

// typedText is what a person would type for a message's text.
export function typedText(text, dir) {
  return text.replace(/<([@#!])([^|>]*)(?:\|([^>]*))?>/g, (whole, mark, id, label) => {
    if (mark === '@') return `@${dir.handle(id)}`;
    if (mark === '#') return `#${label || dir.channelName(dir.channel(id)) || id}`;
    return id.startsWith('subteam^') ? `@${dir.groupHandle(id.slice(8))}` : `@${id}`;
  }).replace(/<(https?:[^|>]*)(?:\|[^>]*)?>/g, '$1').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

export function MessageEditor({message, dir, channel, close}) {
  const [text, setText] = useState(typedText(message.text, dir));
  const box = useRef();
  useEffect(() => {
    box.current.focus();
    box.current.setSelectionRange(text.length, text.length);
  }, []);
  const save = async () => {
    if (text.trim() && await editMessage(channel, message.ts, text) !== null) close();
  };
  const keys = (event) => {
    if (event.key === 'Escape') close();
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      save();
    }
    event.stopPropagation();
  };
  return html`<div class="editor"><textarea ref=${box} class="text-input" rows="2" aria-label="Edit the message" data-testid="editor" value=${text} onInput=${(event) => setText(event.target.value)} onKeyDown=${keys}></textarea>
    <div class="editor-foot"><button type="button" class="button button-default" onClick=${close}>Cancel</button>
      <button type="button" class="button button-primary" data-testid="editor-save" onClick=${save}>Save</button></div></div>`;
}
