// Times as Slack writes them, in the viewer's own zone and clock.

const use12Hours = new Intl.DateTimeFormat(undefined, {hour: 'numeric'}).resolvedOptions().hour12;
const dayMS = 86_400_000;

export const dateOf = (ts) => new Date(Number.parseFloat(ts) * 1000);

const pad = (number) => String(number).padStart(2, '0');

export function clock(date, seconds = false) {
  const tail = seconds ? `:${pad(date.getSeconds())}` : '';
  if (!use12Hours) return `${pad(date.getHours())}:${pad(date.getMinutes())}${tail}`;
  const hour = date.getHours() % 12 || 12;
  return `${hour}:${pad(date.getMinutes())}${tail} ${date.getHours() < 12 ? 'AM' : 'PM'}`;
}

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());

// daysFromToday is 0 for today, -1 for yesterday, 1 for tomorrow.
function daysFromToday(date, now) {
  return Math.round((midnight(date) - midnight(now)) / dayMS);
}

const ordinal = (n) => {
  const tens = n % 100;
  if (tens >= 11 && tens <= 13) return `${n}th`;
  return n + ({1: 'st', 2: 'nd', 3: 'rd'}[n % 10] || 'th');
};

const part = (date, options) => new Intl.DateTimeFormat('en-US', options).format(date);

// Slack leaves the year out of dates less than six months away.
const year = (date, now) => (Math.abs(date - now) < 182 * dayMS ? '' : `, ${date.getFullYear()}`);

const long = (date, now) => `${part(date, {month: 'long'})} ${ordinal(date.getDate())}${year(date, now)}`;
const short = (date, now) => `${part(date, {month: 'short'})} ${date.getDate()}${year(date, now)}`;
const longest = (date, now) => `${part(date, {weekday: 'long'})}, ${long(date, now)}`;

function pretty(date, now, otherwise) {
  return {0: 'today', [-1]: 'yesterday', 1: 'tomorrow'}[daysFromToday(date, now)] || otherwise(date, now);
}

export function ago(date, now = new Date()) {
  const seconds = Math.round((now - date) / 1000);
  const [size, unit] = [[86400, 'day'], [3600, 'hour'], [60, 'minute'], [1, 'second']]
    .map(([length, name]) => [Math.floor(Math.abs(seconds) / length), name]).find(([count]) => count > 0) || [0, 'second'];
  if (unit === 'second' && size < 10) return 'just now';
  const phrase = `${size} ${unit}${size === 1 ? '' : 's'}`;
  return seconds >= 0 ? `${phrase} ago` : `in ${phrase}`;
}

const tokens = {
  date_num: (d) => `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`,
  date_slash: (d) => `${pad(d.getMonth() + 1)}/${pad(d.getDate())}/${d.getFullYear()}`,
  date: long,
  date_short: short,
  date_long: longest,
  date_pretty: (d, now) => pretty(d, now, long),
  date_short_pretty: (d, now) => pretty(d, now, short),
  date_long_pretty: (d, now) => pretty(d, now, longest),
  date_long_full: (d) => `${part(d, {weekday: 'long'})}, ${part(d, {month: 'long'})} ${ordinal(d.getDate())}, ${d.getFullYear()}`,
  day_divider_pretty: (d, now) => pretty(d, now, longest),
  time: (d) => clock(d),
  time_secs: (d) => clock(d, true),
  ago: (d, now) => ago(d, now),
};

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// formatDate writes Slack's date format, e.g. "{date_short} at {time}". It
// returns '' for a time or a token it does not know: Slack then shows the
// fallback text.
export function formatDate(seconds, format, now = new Date()) {
  const date = new Date(Number(seconds) * 1000);
  if (!format || Number.isNaN(date.getTime())) return '';
  let known = true;
  const text = format.replace(/\{(\w+)\}/g, (whole, name, offset) => {
    if (!Object.hasOwn(tokens, name)) { known = false; return whole; }
    const written = tokens[name](date, now);
    return offset === 0 ? capital(written) : written;
  });
  return known ? text : '';
}

export const exactTime = (date) => `${longest(date, new Date(0))} at ${clock(date, true)}`;

export const dayKey = (date) => tokens.date_num(date);

export const dayLabel = (date, now = new Date()) => capital(pretty(date, now, longest));
