// The simulator's own bar: clearly not Slack. Who one is typing as, faults, the
// theme, and three things to try.
import {html} from './html.js';
import {FaultMenu} from './faults.js';
import {Icon} from './icons.js';
import {become} from './actions.js';
import {fillBox} from './drafts.js';
import {openChannel} from './route.js';
import {toggleTheme} from './theme.js';
import {store, useStore} from './store.js';

const kinds = {guest: 'guest', single_channel_guest: 'single-channel guest', outsider: 'other organisation', deactivated: 'deactivated'};

function PersonSwitch({dir}) {
  const people = dir.people.filter((person) => person.kind !== 'bot' && person.kind !== 'deactivated' && ![dir.bot.user_id, 'USLACKBOT'].includes(person.id));
  const groups = (person) => (person.groups || []).map((id) => `@${dir.groupHandle(id)}`).join(' ');
  const label = (person) => [dir.fullName(person.id), [kinds[person.kind], person.title, groups(person)].filter(Boolean).join(', ')].filter(Boolean).join(' — ');
  return html`<label class="bar-person">Typing as <select data-testid="person-switch" value=${dir.me} onChange=${(event) => become(event.target.value).catch(() => {})}>
    ${people.map((person) => html`<option key=${person.id} value=${person.id} selected=${person.id === dir.me}>${label(person)}</option>`)}</select></label>`;
}

// tryOut opens a place where the suggestion can be sent and fills its box.
function tryOut(dir, text) {
  const {route} = store.value;
  const open = route.channel && dir.channel(route.channel);
  const channel = open && !open.is_archived ? open : dir.landing();
  if (!channel) return;
  if (!open || route.thread) openChannel(channel.id);
  fillBox(channel.id, text);
}

export function Bar({dir}) {
  const open = useStore((state) => state.connection === 'open');
  return html`<div class="bar" role="region" aria-label="Workspace simulator">
    <span class="bar-name"><b>Workspace simulator</b> — not Slack</span>
    ${dir && html`<${PersonSwitch} dir=${dir} />
      <span class=${`bar-bot ${dir.bot.online ? 'online' : 'offline'}`} data-testid="bot-status">${dir.bot.name || 'App'} ${dir.bot.online ? 'connected' : 'not connected'}</span>
      ${dir.tries.length > 0 && html`<span class="bar-tries"><span>Try</span>${dir.tries.map((text, i) => html`<button key=${text} type="button" class="chip" data-testid=${`try-${i + 1}`} onClick=${() => tryOut(dir, text)}>${text}</button>`)}</span>`}`}
    <span class="grow"></span>
    ${!open && html`<span class="bar-connecting">offline</span>`}
    ${dir && html`<${FaultMenu} dir=${dir} />`}
    <button type="button" class="bar-button" aria-label="Switch between light and dark" title="Light or dark" data-testid="theme-toggle" onClick=${toggleTheme}><${Icon} name="moon" /></button>
  </div>`;
}
