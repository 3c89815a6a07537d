// Slack's select menus: a button that shows the choice, a panel with a search
// box and the options; several choices are tags that can be taken off.
import {html, useLayoutEffect, useMemo, useRef, useState} from './html.js';
import {Icon} from './icons.js';
import {plainText} from './mrkdwn.js';
import {Popover} from './popover.js';

// choices lists groups of {label, options: [{key, text, note, value}]} where
// `value` is what the app gets.
function choices(element, dir) {
  if (element.type.includes('users_select')) {
    const people = dir.people.filter((person) => person.kind !== 'deactivated');
    return [{options: people.map((person) => ({key: person.id, text: dir.fullName(person.id), note: `@${person.name}`, value: person.id}))}];
  }
  if (element.type.includes('channels_select') || element.type.includes('conversations_select')) {
    const publicOnly = element.type.includes('channels_select');
    const channels = dir.channels.filter((channel) => !channel.is_archived && !(publicOnly && (channel.is_private || channel.is_im)));
    return [{options: channels.map((channel) => ({key: channel.id, text: `${channel.is_im ? '' : '#'}${dir.channelName(channel)}`, value: channel.id}))}];
  }
  const option = (one) => ({key: one.value, text: plainText(one.text), note: plainText(one.description), value: one});
  if (element.option_groups) return element.option_groups.map((group) => ({label: plainText(group.label), options: group.options.map(option)}));
  return [{options: (element.options || []).map(option)}];
}

const keyOf = (value) => (value && typeof value === 'object' ? value.value : value);

export function Select({element, value, change, dir, id, labelled}) {
  const many = element.type.startsWith('multi_');
  const [open, setOpen] = useState(false);
  const anchor = useRef();
  const groups = useMemo(() => choices(element, dir), [element, dir]);
  const chosen = new Set((many ? value || [] : [value]).filter(Boolean).map(keyOf));
  const picked = groups.flatMap((group) => group.options).filter((option) => chosen.has(option.key));
  const close = () => { setOpen(false); };
  const full = many && element.max_selected_items && picked.length >= element.max_selected_items;
  const choose = (option) => {
    if (!many) {
      close();
      anchor.current?.focus();
      return change(option.value);
    }
    if (chosen.has(option.key)) return change(value.filter((one) => keyOf(one) !== option.key));
    return full ? undefined : change([...(value || []), option.value]);
  };
  const hint = plainText(element.placeholder) || (many ? 'Select options' : 'Select an option');
  return html`<span class="select anchor">
    <button ref=${anchor} type="button" id=${id} class="select-button" role="combobox" aria-haspopup="listbox" aria-expanded=${open} aria-labelledby=${labelled && `${labelled} ${id}`}
        data-testid=${`select-${element.action_id}`} onClick=${() => setOpen(!open)}
        onKeyDown=${(event) => { if (event.key === 'ArrowDown') { event.preventDefault(); setOpen(true); } }}>
      ${many && picked.length > 0 ? picked.map((option) => html`<span class="tag">${option.text}</span>`)
        : html`<span class=${picked.length ? 'select-picked' : 'select-hint'}>${picked[0]?.text || hint}</span>`}
      <${Icon} name="chevron-down" />
    </button>
    ${open && html`<${Panel} groups=${groups} chosen=${chosen} choose=${choose} anchor=${anchor} close=${close} many=${many} full=${full} />`}
  </span>`;
}

function Panel({groups, chosen, choose, anchor, close, many, full}) {
  const [sought, setSought] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef();
  const needle = sought.trim().toLowerCase();
  const shown = groups.map((group) => ({...group, options: group.options.filter((option) => `${option.text} ${option.note || ''}`.toLowerCase().includes(needle))})).filter((group) => group.options.length);
  const flat = shown.flatMap((group) => group.options);
  useLayoutEffect(() => { list.current?.querySelector('.current')?.scrollIntoView({block: 'nearest'}); }, [at]);
  const keys = (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      if (flat.length) setAt((at + step + flat.length) % flat.length);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      event.stopPropagation();
      if (flat[at]) choose(flat[at]);
    }
  };
  return html`<${Popover} anchor=${anchor} close=${close} class="select-panel">
    <input class="select-search" placeholder="Search" value=${sought} aria-label="Search options" aria-activedescendant=${flat[at] && `option-${flat[at].key}`} role="combobox" aria-expanded="true"
      onInput=${(event) => { setSought(event.target.value); setAt(0); }} onKeyDown=${keys} />
    <div ref=${list} role="listbox" aria-multiselectable=${many ? 'true' : undefined} class="select-list">
      ${shown.map((group) => html`${group.label && html`<div class="select-group">${group.label}</div>`}
        ${group.options.map((option) => html`<div key=${option.key} id=${`option-${option.key}`} role="option" tabindex="-1" aria-selected=${chosen.has(option.key)} aria-disabled=${full && !chosen.has(option.key) ? 'true' : undefined}
            class=${`select-option ${flat[at] === option ? 'current' : ''}`} data-testid=${`option-${option.key}`} onClick=${() => choose(option)} onPointerMove=${() => setAt(flat.indexOf(option))}>
          <span class="select-check">${chosen.has(option.key) && html`<${Icon} name="check" />`}</span><span>${option.text}${option.note && html`<small>${option.note}</small>`}</span></div>`)}`)}
      ${flat.length === 0 && html`<div class="select-none">No results</div>`}
    </div>
  <//>`;
}
