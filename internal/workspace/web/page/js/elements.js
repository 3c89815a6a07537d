// Interactive elements: one component per kind, all alike in what they do: keep
// what was entered, ask for confirmation if the element wants it, tell the app.
import {html, useEffect, useRef, useState} from './html.js';
import {Icon} from './icons.js';
import {Popover} from './popover.js';
import {TextObject, plainText, safeURL} from './mrkdwn.js';
import {Select} from './select.js';
import {Unknown} from './unknown.js';
import {confirmThen} from './confirm.js';
import {click} from './actions.js';
import {readValue, stateField, writeValue} from './form.js';
import {store, useStore} from './store.js';

const pendingKey = (place, block, element) => `${place.key}/${block.block_id}/${element.action_id}`;

// act sends an interaction. Inputs inside input blocks speak only when the view
// is submitted, unless the block asks for more (dispatch_action).
function act({place, block, element}, payload) {
  if (block.type === 'input' && !block.dispatch_action) return;
  confirmThen(element.confirm, () => click(place, block, element, payload, pendingKey(place, block, element)));
}

function useValue({place, block, element}) {
  const value = useStore(({forms}) => readValue(forms, place.key, block.block_id, element));
  const change = (next, tell = true) => {
    writeValue(place.key, block.block_id, element, next);
    if (tell) act({place, block, element}, {[stateField(element.type)]: next});
  };
  return [value, change];
}

function Button({place, block, element}) {
  const key = pendingKey(place, block, element);
  const pending = useStore(({pending: all}) => Boolean(all[key]));
  const refusal = useStore(({refused}) => refused[key]);
  const press = () => {
    if (pending) return;
    confirmThen(element.confirm, () => {
      if (element.url && safeURL(element.url)) open(safeURL(element.url), '_blank', 'noopener');
      click(place, block, element, {value: element.value}, key);
    });
  };
  return html`<button type="button" class=${`button button-${element.style || 'default'}`} data-testid=${`button-${element.action_id}`}
      aria-label=${element.accessibility_label} aria-busy=${pending ? 'true' : undefined} onClick=${press}>
    <span class="button-text">${plainText(element.text)}</span>${pending && html`<span class="spinner" aria-hidden="true"></span>`}
    ${refusal && html`<span class="button-refused" title=${refusal} role="img" aria-label=${refusal}>⚠️</span>`}
  </button>`;
}

function Overflow({place, block, element}) {
  const [open, setOpen] = useState(false);
  const anchor = useRef();
  const choose = (option) => {
    setOpen(false);
    anchor.current?.focus();
    if (option.url && safeURL(option.url)) window.open(safeURL(option.url), '_blank', 'noopener');
    act({place, block, element}, {selected_option: option});
  };
  return html`<span class="anchor"><button ref=${anchor} type="button" class="button button-default button-square" aria-haspopup="menu" aria-expanded=${open} aria-label="More options"
      data-testid=${`overflow-${element.action_id}`} onClick=${() => setOpen(!open)}><${Icon} name="dots" /></button>
    ${open && html`<${Popover} anchor=${anchor} close=${() => setOpen(false)} role="menu" class="menu">
      ${(element.options || []).map((option) => html`<button type="button" role="menuitem" class="menu-item" onClick=${() => choose(option)}>${plainText(option.text)}</button>`)}
    <//>`}</span>`;
}

function Choices({place, block, element, dir, labelled}) {
  const [value, change] = useValue({place, block, element});
  const many = element.type === 'checkboxes';
  const chosen = (option) => (many ? (value || []).some((one) => one.value === option.value) : value?.value === option.value);
  const toggle = (option) => {
    if (!many) return change(option);
    return change(chosen(option) ? value.filter((one) => one.value !== option.value) : [...(value || []), option]);
  };
  return html`<div class="choices" role=${many ? 'group' : 'radiogroup'} aria-labelledby=${labelled}>${(element.options || []).map((option) => html`<label class="choice">
    <input type=${many ? 'checkbox' : 'radio'} name=${`${place.key}/${block.block_id}/${element.action_id}`} checked=${chosen(option)} onChange=${() => toggle(option)} />
    <span><${TextObject} object=${option.text} dir=${dir} />${option.description && html`<small><${TextObject} object=${option.description} dir=${dir} /></small>`}</span>
  </label>`)}</div>`;
}

const nativeTypes = {datepicker: 'date', timepicker: 'time', number_input: 'text', email_text_input: 'email', url_text_input: 'url', plain_text_input: 'text'};

function TextInput({place, block, element, id, labelled, described, invalid}) {
  const [value, change] = useValue({place, block, element});
  const box = useRef();
  useEffect(() => { if (element.focus_on_load) box.current?.focus(); }, []);
  const picker = element.type === 'datepicker' || element.type === 'timepicker';
  const dispatchOn = element.dispatch_action_config?.trigger_actions_on || ['on_enter_pressed'];
  const attributes = {
    ref: box, id, class: 'text-input', value: value ?? '', placeholder: plainText(element.placeholder), 'aria-labelledby': labelled, 'aria-describedby': described,
    'aria-invalid': invalid ? 'true' : undefined, 'data-testid': `element-${element.action_id}`,
    inputmode: element.type === 'number_input' ? 'decimal' : undefined,
    onInput: (event) => change(event.target.value, !picker && dispatchOn.includes('on_character_entered')),
    onChange: picker ? (event) => change(event.target.value || null) : undefined,
  };
  if (element.multiline) return html`<textarea rows="4" ...${attributes}></textarea>`;
  const enter = (event) => { if (event.key === 'Enter' && !picker && block.dispatch_action && dispatchOn.includes('on_enter_pressed')) { event.preventDefault(); change(event.target.value); } };
  return html`<input type=${nativeTypes[element.type]} ...${attributes} onKeyDown=${enter} />`;
}

function DateTime({place, block, element, id}) {
  const [value, change] = useValue({place, block, element});
  const local = value ? new Date(value * 1000 - new Date(value * 1000).getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : '';
  return html`<input type="datetime-local" id=${id} class="text-input" value=${local} onChange=${(event) => change(event.target.value ? Math.floor(new Date(event.target.value) / 1000) : null)} />`;
}

// Menu is every select: the choices come from the element or from the workspace.
function Menu(props) {
  const {element, dir, id, labelled} = props;
  const [value, change] = useValue(props);
  return html`<${Select} element=${element} value=${value} change=${change} dir=${dir} id=${id} labelled=${labelled} />`;
}

export function Element(props) {
  const {element} = props;
  switch (element?.type) {
    case 'button': return html`<${Button} ...${props} />`;
    case 'overflow': return html`<${Overflow} ...${props} />`;
    case 'checkboxes': case 'radio_buttons': return html`<${Choices} ...${props} />`;
    case 'image': return html`<img class="accessory-image" src=${safeURL(element.image_url)} alt=${element.alt_text || ''} />`;
    case 'plain_text_input': case 'number_input': case 'email_text_input': case 'url_text_input': case 'datepicker': case 'timepicker':
      return html`<${TextInput} ...${props} />`;
    case 'datetimepicker': return html`<${DateTime} ...${props} />`;
    case 'static_select': case 'multi_static_select': case 'users_select': case 'multi_users_select': case 'channels_select':
    case 'multi_channels_select': case 'conversations_select': case 'multi_conversations_select':
      return html`<${Menu} ...${props} />`;
    default: return html`<${Unknown} what=${`element “${element?.type}”`} inline />`;
  }
}

// forgetForm drops what was entered in a place that is gone.
export function forgetForm(place) {
  store.set(({forms}) => {
    const {[place]: gone, ...rest} = forms;
    return gone ? {forms: rest} : null;
  });
}
