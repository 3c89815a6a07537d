// The typing box: Enter sends, Shift+Enter breaks the line, ArrowUp in an empty
// box brings back what was sent last, "/" "@" ":" complete.
import {html, useEffect, useLayoutEffect, useRef, useState} from './html.js';
import {Avatar} from './avatar.js';
import {Icon} from './icons.js';
import {Popover} from './popover.js';
import {runShortcut, say} from './actions.js';
import {attachBox, draft, keepDraft} from './drafts.js';
import {complete, usage} from './completion.js';
import {threadKey} from './store.js';

const sent = [];
const mostRemembered = 50;

function remember(text) {
  if (sent.at(-1) !== text) sent.push(text);
  if (sent.length > mostRemembered) sent.shift();
}

function Completion({found, at, choose, setAt, id, dir}) {
  return html`<div class="completion" role="listbox" id=${id} aria-label="Suggestions" data-testid="completion">
    <div class="completion-head">${{command: 'Commands', person: 'People', emoji: 'Emoji'}[found.kind]}<span><kbd>↑</kbd><kbd>↓</kbd> to choose · <kbd>Enter</kbd> to take · <kbd>Esc</kbd> to close</span></div>
    ${found.items.map((item, i) => html`<div key=${item.key} id=${`${id}-${i}`} role="option" aria-selected=${i === at} class=${`completion-item ${i === at ? 'current' : ''}`}
        onPointerDown=${(event) => { event.preventDefault(); choose(item); }} onPointerMove=${() => setAt(i)}>
      ${item.person && html`<${Avatar} dir=${dir} id=${item.person} size=${24} />`}
      <span class="completion-title">${item.title}</span>${item.hint && html`<span class="completion-hint">${item.hint}</span>`}${item.note && html`<span class="completion-note">${item.note}</span>`}
    </div>`)}
  </div>`;
}

function SlashInThread({dir, text, replace}) {
  const mention = `@${dir.handle(dir.bot.user_id)} `;
  const words = text.replace(/^\/\S*\s*/, '');
  return html`<div class="composer-note" role="status" data-testid="slash-in-thread">
    Slash commands do not work in threads (Slack does not allow them). Mention the app instead:
    <button type="button" class="link-button" onClick=${() => replace(mention + words)}>${mention}${words}</button></div>`;
}

function ComposerBar({dir, insert, ready, submit}) {
  const [open, setOpen] = useState(false);
  const anchor = useRef();
  const globals = dir.shortcuts.filter((one) => one.type === 'global');
  return html`<div class="composer-bar">
    ${globals.length > 0 && html`<span class="anchor"><button ref=${anchor} type="button" class="composer-tool round" aria-label="Shortcuts" title="Shortcuts" aria-haspopup="menu" aria-expanded=${open} data-testid="shortcuts" onClick=${() => setOpen(!open)}><${Icon} name="plus" /></button>
      ${open && html`<${Popover} anchor=${anchor} close=${() => setOpen(false)} prefer="above" role="menu" label="Shortcuts" class="menu">
        <div class="menu-head">Shortcuts</div>
        ${globals.map((one) => html`<button type="button" role="menuitem" class="menu-item" data-testid=${`shortcut-${one.callback_id}`} onClick=${() => { setOpen(false); runShortcut(one); }}><span class="menu-icon"><${Icon} name="bolt" /></span><span>${one.name}<small>${one.description}</small></span></button>`)}
      <//>`}</span>`}
    <button type="button" class="composer-tool" aria-label="Mention someone" title="Mention someone" onClick=${() => insert('@')}><${Icon} name="at" /></button>
    <button type="button" class="composer-tool" aria-label="Emoji" title="Emoji" onClick=${() => insert(':wh')}><${Icon} name="smile" /></button>
    <button type="button" class="composer-tool" aria-label="Run a command" title="Run a command" onClick=${() => insert('/')}><${Icon} name="slash" /></button>
    <span class="grow"></span>
    <button type="button" class=${`send ${ready ? 'ready' : ''}`} aria-label="Send now" disabled=${!ready} data-testid="send" onClick=${submit}><${Icon} name="send" /></button>
  </div>`;
}

export function Composer({channel, dir, thread}) {
  const key = thread ? threadKey(channel.id, thread) : channel.id;
  const [text, setText] = useState(draft(key));
  const [cursor, setCursor] = useState(text.length);
  const [at, setAt] = useState(0);
  const [closedFor, setClosedFor] = useState(null);
  const [error, setError] = useState(null);
  const [back, setBack] = useState(0);
  const box = useRef();
  const caret = useRef(null);
  const listID = `completion-${key}`;

  const change = (next, position = next.length) => {
    setText(next);
    keepDraft(key, next);
    setCursor(position);
    setAt(0);
    setClosedFor(null);
    setError(null);
    caret.current = position;
  };
  useEffect(() => attachBox(key, (next) => {
    change(next);
    box.current?.focus();
  }), [key]);
  useEffect(() => { if (!thread && !matchMedia('(pointer: coarse)').matches && !document.querySelector('[aria-modal=true]')) box.current.focus({preventScroll: true}); }, []);
  useLayoutEffect(() => {
    box.current.style.height = 'auto';
    box.current.style.height = `${Math.min(box.current.scrollHeight, 240)}px`;
    if (caret.current !== null) box.current.setSelectionRange(caret.current, caret.current);
    caret.current = null;
  }, [text]);

  const found = closedFor === text ? null : complete(text, cursor, dir, Boolean(thread));
  const slashInThread = Boolean(thread) && /^\//.test(text);
  const hint = !found && !thread && usage(text, dir);
  const ready = text.trim() !== '' && !slashInThread;

  const choose = (item) => {
    if (item.shortcut) {
      change('');
      runShortcut(item.shortcut);
      return;
    }
    const next = text.slice(0, found.from) + item.insert + text.slice(cursor);
    change(next, found.from + item.insert.length);
    box.current.focus();
  };
  const insert = (piece) => {
    const gap = piece === '/' || !text || /\s$/.test(text) ? '' : ' ';
    change(piece === '/' ? `/${text.replace(/^\//, '')}` : text + gap + piece, piece === '/' ? 1 : undefined);
    box.current.focus();
  };
  const submit = async () => {
    if (!ready) return;
    const line = text.trimEnd();
    remember(line);
    setBack(0);
    change('');
    const refused = await say(channel.id, line, thread);
    if (!refused) return;
    if (!draft(key)) change(line);
    setError(refused.message);
  };
  const recall = (step) => {
    const next = Math.max(0, Math.min(sent.length, back + step));
    change(next ? sent.at(-next) : '');
    setBack(next);
  };
  const keys = (event) => {
    if (event.isComposing) return;
    const {key: name} = event;
    const take = () => { event.preventDefault(); event.stopPropagation(); };
    if (found && (name === 'ArrowDown' || name === 'ArrowUp')) {
      take();
      setAt((at + (name === 'ArrowDown' ? 1 : -1) + found.items.length) % found.items.length);
    } else if (found && (name === 'Enter' || name === 'Tab') && !event.shiftKey) {
      take();
      choose(found.items[at]);
    } else if (found && name === 'Escape') {
      take();
      setClosedFor(text);
    } else if (name === 'Enter' && !event.shiftKey) {
      take();
      submit();
    } else if (name === 'ArrowUp' && sent.length && (text === '' || (back > 0 && text === sent.at(-back)))) {
      take();
      recall(1);
    } else if (name === 'ArrowDown' && back > 0 && text === sent.at(-back)) {
      take();
      recall(-1);
    }
  };
  const where = channel.is_im ? dir.channelName(channel) : `#${dir.channelName(channel)}`;
  const place = thread ? 'Reply…' : `Message ${where}`;
  return html`<form class="composer-wrap" onSubmit=${(event) => event.preventDefault()}>
    ${found && html`<${Completion} found=${found} at=${at} setAt=${setAt} choose=${choose} id=${listID} dir=${dir} />`}
    ${hint && html`<div class="usage" data-testid="usage">${!hint.own && html`<${Avatar} dir=${dir} id=${dir.bot.user_id} size=${20} />`}<b>${hint.command}</b> <span>${hint.usage_hint}</span><em>${hint.description}</em></div>`}
    ${slashInThread && html`<${SlashInThread} dir=${dir} text=${text} replace=${(next) => { change(next); box.current.focus(); }} />`}
    ${error && html`<div class="composer-note composer-error" role="alert" data-testid="composer-error">${error}</div>`}
    <div class="composer">
      <textarea ref=${box} rows="1" placeholder=${place} aria-label=${thread ? 'Reply in the thread' : `Message to ${where}`} data-testid=${thread ? 'thread-composer' : 'composer'} value=${text} spellcheck="false" autocomplete="off"
        role="combobox" aria-expanded=${Boolean(found)} aria-controls=${found ? listID : undefined} aria-activedescendant=${found ? `${listID}-${at}` : undefined} aria-autocomplete="list"
        onInput=${(event) => { change(event.target.value, event.target.selectionStart); setBack(0); }}
        onKeyUp=${(event) => setCursor(event.target.selectionStart)} onClick=${(event) => setCursor(event.target.selectionStart)} onKeyDown=${keys}></textarea>
      <${ComposerBar} dir=${dir} insert=${insert} ready=${ready} submit=${submit} />
    </div>
    <div class=${`composer-help ${text ? 'shown' : ''}`} aria-hidden="true"><b>Shift + Enter</b> to add a new line</div>
  </form>`;
}
