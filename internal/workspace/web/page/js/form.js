// What people have entered into the elements of a view (or of a message): its
// first state, its check before submitting, and the shape in which Slack
// reports it (`state.values[block_id][action_id]`).
import {store} from './store.js';

const nothingChosen = Object.freeze([]);
const plural = (type) => type.startsWith('multi_') || type === 'checkboxes';

// stateField names where Slack keeps what is chosen in an element.
export function stateField(type) {
  if (type === 'rich_text_input') return 'rich_text_value';
  if (type.includes('users_select')) return plural(type) ? 'selected_users' : 'selected_user';
  if (type.includes('channels_select')) return plural(type) ? 'selected_channels' : 'selected_channel';
  if (type.includes('conversations_select')) return plural(type) ? 'selected_conversations' : 'selected_conversation';
  if (type === 'datepicker') return 'selected_date';
  if (type === 'timepicker') return 'selected_time';
  if (type === 'datetimepicker') return 'selected_date_time';
  if (plural(type)) return 'selected_options';
  if (/select$|^radio_buttons$|^overflow$/.test(type)) return 'selected_option';
  return 'value';
}

const initialField = {
  value: 'initial_value', selected_option: 'initial_option', selected_options: 'initial_options', selected_date: 'initial_date',
  selected_time: 'initial_time', selected_date_time: 'initial_date_time', selected_user: 'initial_user', selected_users: 'initial_users',
  selected_channel: 'initial_channel', selected_channels: 'initial_channels', selected_conversation: 'initial_conversation',
  selected_conversations: 'initial_conversations',
};

export function firstValue(element) {
  const field = stateField(element.type);
  const initial = element[initialField[field]];
  if (initial !== undefined) return initial;
  return plural(element.type) ? nothingChosen : null;
}

// readValue is what an element holds now; writeValue changes it.
export function readValue(forms, place, blockID, element) {
  const entered = forms[place]?.[blockID]?.[element.action_id];
  return entered === undefined ? firstValue(element) : entered;
}

export function writeValue(place, blockID, element, value) {
  store.set(({forms}) => {
    const form = forms[place] || {};
    return {forms: {...forms, [place]: {...form, [blockID]: {...form[blockID], [element.action_id]: value}}}};
  });
}

export const isEmpty = (value) => value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);

// elementsOf lists [block, element] for everything that has a state.
function elementsOf(view) {
  const pairs = [];
  for (const block of view.blocks || []) {
    if (block.type === 'input' && block.element) pairs.push([block, block.element]);
    if (block.type === 'section' && block.accessory) pairs.push([block, block.accessory]);
    if (block.type === 'actions') for (const element of block.elements || []) pairs.push([block, element]);
  }
  return pairs.filter(([, element]) => element.action_id && !['button', 'image', 'overflow'].includes(element.type));
}

// collect is the body of a submission.
export function collect(view, forms) {
  const values = {};
  for (const [block, element] of elementsOf(view)) {
    const value = readValue(forms, view.id, block.block_id, element);
    values[block.block_id] ??= {};
    values[block.block_id][element.action_id] = {type: element.type, [stateField(element.type)]: value === '' ? null : value};
  }
  return values;
}

// problems says what Slack would refuse before the app sees the submission.
export function problems(view, forms) {
  const found = {};
  for (const [block, element] of elementsOf(view)) {
    if (block.type !== 'input') continue;
    const value = readValue(forms, view.id, block.block_id, element);
    const problem = isEmpty(value) ? (block.optional ? '' : 'Please complete this required field.') : wrong(element, value);
    if (problem) found[block.block_id] = problem;
  }
  return found;
}

function wrong(element, value) {
  switch (element.type) {
    case 'plain_text_input':
      if (element.min_length && value.length < element.min_length) return `Please enter at least ${element.min_length} characters.`;
      if (element.max_length && value.length > element.max_length) return `Please enter at most ${element.max_length} characters.`;
      return '';
    case 'number_input': return wrongNumber(element, value);
    case 'email_text_input': return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? '' : 'Please enter a valid email address.';
    case 'url_text_input': return /^https?:\/\/\S+\.?\S+/.test(value) ? '' : 'Please enter a valid URL.';
    default: return '';
  }
}

function wrongNumber(element, value) {
  const number = Number(value);
  if (Number.isNaN(number)) return 'Please enter a number.';
  if (!element.is_decimal_allowed && !Number.isInteger(number)) return 'Please enter a whole number.';
  if (element.min_value !== undefined && number < Number(element.min_value)) return `Please enter ${element.min_value} or more.`;
  if (element.max_value !== undefined && number > Number(element.max_value)) return `Please enter ${element.max_value} or less.`;
  return '';
}
