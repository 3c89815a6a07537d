// Ctrl/Cmd+K: jump to a channel, a person or the app by typing a part of the name.
import {html, useLayoutEffect, useRef, useState} from './html.js';
import {Avatar} from './avatar.js';
import {Dialog} from './dialog.js';
import {Icon} from './icons.js';
import {openChannel, openHome} from './route.js';
import {store, useStore} from './store.js';

function targets(dir, unread) {
  const channels = dir.channels.filter((channel) => !channel.is_archived).map((channel) => ({key: channel.id, name: dir.channelName(channel), channel, unread: unread[channel.id] || 0, act: () => openChannel(channel.id)}));
  const app = dir.bot.user_id ? [{key: 'home', name: `${dir.bot.name} home`, app: true, unread: 0, act: openHome}] : [];
  return [...channels, ...app].sort((a, b) => (b.unread > 0) - (a.unread > 0));
}

export function Switcher({dir}) {
  const open = useStore((state) => state.overlay === 'switcher');
  return open ? html`<${Panel} dir=${dir} />` : null;
}

function Panel({dir}) {
  const unread = useStore((state) => state.unread);
  const [sought, setSought] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef();
  const needle = sought.trim().toLowerCase().replace(/^[#@]/, '');
  const found = targets(dir, unread).filter((target) => target.name.toLowerCase().includes(needle));
  const close = () => store.set({overlay: null});
  const choose = (target) => {
    close();
    target?.act();
  };
  useLayoutEffect(() => { list.current?.querySelector('.current')?.scrollIntoView({block: 'nearest'}); }, [at]);
  const keys = (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      if (found.length) setAt((at + step + found.length) % found.length);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      choose(found[at]);
    }
  };
  return html`<${Dialog} class="switcher" label="Jump to a conversation" close=${close} testid="switcher">
    <div class="switcher-field"><${Icon} name="search" /><input data-autofocus data-testid="switcher-input" placeholder="Jump to a channel or person" value=${sought} role="combobox" aria-expanded="true" aria-controls="switcher-list" aria-activedescendant=${found[at] && `jump-${found[at].key}`}
      onInput=${(event) => { setSought(event.target.value); setAt(0); }} onKeyDown=${keys} /></div>
    <div class="switcher-list" ref=${list} id="switcher-list" role="listbox">${found.map((target, i) => html`<div key=${target.key} id=${`jump-${target.key}`} role="option" aria-selected=${i === at} class=${`switcher-item ${i === at ? 'current' : ''} ${target.unread ? 'unread' : ''}`} onClick=${() => choose(target)} onPointerMove=${() => setAt(i)}>
      ${target.app ? html`<${Avatar} dir=${dir} id=${dir.bot.user_id} size=${20} />` : target.channel.is_im ? html`<${Avatar} dir=${dir} id=${dir.peer(target.channel)} size=${20} />` : html`<${Icon} name=${target.channel.is_private ? 'lock' : 'hash'} />`}<span>${target.name}</span></div>`)}
      ${found.length === 0 && html`<div class="select-none">Nothing is called that.</div>`}</div>
  <//>`;
}
