// The menu of faults: each entry is one body of POST /sim/faults.
import {html, useRef, useState} from './html.js';
import {Popover} from './popover.js';
import {clearFaults, injectFault} from './actions.js';
import {useStore} from './store.js';

const methods = ['*', 'chat.postMessage', 'chat.update', 'chat.postEphemeral', 'views.open', 'views.update', 'conversations.info', 'conversations.create', 'conversations.invite', 'conversations.setTopic', 'bookmarks.add', 'pins.add', 'reactions.get', 'users.info', 'files.getUploadURLExternal', 'files.completeUploadExternal', 'apps.connections.open'];

const answers = [
  ['429', 'Too many requests (429), retry after 2 s', {retry_after: 2}],
  ['500', 'Server error (500)', {}],
  ['timeout', 'No answer at all', {}],
  ['lost_answer', 'Done, but the answer is lost', {}],
  ['slow', 'Slow: 2 s', {delay_ms: 2000}],
  ['error', 'Refuse: channel_not_found', {error: 'channel_not_found'}],
  ['error', 'Refuse: restricted_action', {error: 'restricted_action'}],
];

const socket = [
  ['refresh', 'Ask to reconnect (refresh), then cut', {count: 1}],
  ['warning', 'Warn of a coming disconnect', {count: 1}],
  ['drop', 'Cut the connection abruptly', {count: 1}],
  ['silence', 'Stop sending pings', {count: 1}],
  ['duplicate', 'Deliver every event twice', {count: 2}],
  ['link_disabled', 'Switch Socket Mode off (link_disabled)', {count: 1}],
  ['no_open', 'Refuse new connections', {count: 3}],
];

const describe = (fault) => [fault.method, fault.kind, fault.error, fault.count > 0 ? `${fault.count} left` : 'until cleared', fault.probability ? `${Math.round(fault.probability * 100)} %` : ''].filter(Boolean).join(' · ');

export function FaultMenu() {
  const [open, setOpen] = useState(false);
  const [method, setMethod] = useState('chat.postMessage');
  const [count, setCount] = useState(3);
  const faults = useStore((state) => state.faults);
  const anchor = useRef();
  const close = () => setOpen(false);
  const entry = (where, kind, label, extra) => html`<button key=${label} type="button" role="menuitem" class="menu-item" data-testid=${extra.error === 'restricted_action' ? 'fault-restricted' : `fault-${kind}`} onClick=${() => injectFault({method: where, kind, count, ...extra})}>${label}</button>`;
  return html`<span class="anchor"><button ref=${anchor} type="button" class=${`bar-button ${faults.length ? 'active' : ''}`} aria-haspopup="menu" aria-expanded=${open} data-testid="faults" onClick=${() => setOpen(!open)}>Faults${faults.length ? ` (${faults.length})` : ''}</button>
    ${open && html`<${Popover} anchor=${anchor} close=${close} role="menu" label="Inject faults" class="menu fault-menu" testid="fault-menu" keepTab>
      ${faults.length > 0 && html`<div class="menu-head">Active</div>${faults.map((fault) => html`<div class="fault-active">${describe(fault)}</div>`)}
        <button type="button" role="menuitem" class="menu-item menu-danger" data-testid="faults-clear" onClick=${clearFaults}>Clear all faults</button>`}
      <div class="menu-head">The Web API answers</div>
      <div class="fault-where"><label>Method <select value=${method} onChange=${(event) => setMethod(event.target.value)}>${methods.map((name) => html`<option value=${name} selected=${name === method}>${name === '*' ? 'every method' : name}</option>`)}</select></label>
        <label>next <select value=${count} onChange=${(event) => setCount(Number(event.target.value))}>${[1, 3, 10, 0].map((n) => html`<option value=${n} selected=${n === count}>${n || 'all'}</option>`)}</select> calls</label></div>
      ${answers.map(([kind, label, extra]) => entry(method, kind, label, extra))}
      <div class="menu-head">The socket</div>
      ${socket.map(([kind, label, extra]) => entry('socket', kind, label, extra))}
    <//>`}</span>`;
}
