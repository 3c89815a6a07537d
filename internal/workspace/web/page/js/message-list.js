// A scrolling list of messages: day dividers, grouping of one person's
// consecutive messages, "New" line, and a scroll position that stays at the
// bottom when it was there.
import {html, useEffect, useLayoutEffect, useRef, useState} from './html.js';
import {Icon} from './icons.js';
import {Message} from './message.js';
import {dateOf, dayKey, dayLabel} from './time.js';

const groupSeconds = 300;
const atBottomPX = 40;

const sameGroup = (before, message) => before && (before.user || before.bot_id) === (message.user || message.bot_id) && before.username === message.username
  && Boolean(before.is_ephemeral) === Boolean(message.is_ephemeral) && !message.is_ephemeral && !message.subtype && !before.subtype && !before.command
  && Number(message.ts) - Number(before.ts) < groupSeconds;

// useStickyScroll keeps a scroller at its end while its content grows. A thread
// begins at its top, as Slack opens one that has not been read; what oneself
// says is always followed.
function useStickyScroll({scroller, content, last: lastTS, mine, fromTop, onNew}) {
  const stuck = useRef(!fromTop);
  const last = useRef();
  const top = useRef(0);
  const toEnd = () => { if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight; };
  const scrolled = () => {
    const {scrollTop, scrollHeight, clientHeight} = scroller.current;
    const atEnd = scrollHeight - scrollTop - clientHeight < atBottomPX;
    // Content that grew before this event came is not somebody who went up.
    if (atEnd || fromTop || scrollTop < top.current) stuck.current = atEnd;
    top.current = scrollTop;
    return stuck.current;
  };
  useEffect(() => {
    const observer = new ResizeObserver(() => { if (stuck.current) toEnd(); });
    observer.observe(content.current);
    observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const arrived = last.current !== undefined && last.current !== lastTS && Number(lastTS) > Number(last.current);
    if (last.current === undefined && fromTop) scrolled();
    last.current = lastTS;
    if (stuck.current || (arrived && mine)) toEnd();
    else if (arrived) onNew();
  }, [lastTS]);
  return {toEnd, scrolled};
}

// useMinute changes once a minute, for ages such as "2 minutes ago".
function useMinute() {
  const [minute, setMinute] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setMinute((one) => one + 1), 60_000);
    return () => clearInterval(timer);
  }, []);
  return minute;
}

function walk(event) {
  const message = event.target.closest('[data-message]');
  if (!message || event.target !== message || !['ArrowUp', 'ArrowDown'].includes(event.key)) return;
  event.preventDefault();
  const all = [...event.currentTarget.querySelectorAll('[data-message]')];
  all[all.indexOf(message) + (event.key === 'ArrowUp' ? -1 : 1)]?.focus();
}

// rows puts day dividers, the "New" line and the thread's divider between messages.
function rows({messages, dir, channel, pins, newFrom, inThread, minute}) {
  const out = [];
  messages.forEach((message, i) => {
    const before = messages[i - 1];
    const newDay = !before || dayKey(dateOf(before.ts)) !== dayKey(dateOf(message.ts));
    if (newDay && !inThread) out.push(html`<div class="day" role="separator" key=${`day ${message.ts}`}><span>${dayLabel(dateOf(message.ts))}</span></div>`);
    if (newFrom && newFrom === message.ts) out.push(html`<div class="new-line" role="separator" key="new"><span>New</span></div>`);
    if (inThread && i === 1) {
      const count = messages.filter((one) => !one.is_ephemeral).length - 1;
      out.push(html`<div class="replies-line" role="separator" key="replies"><span>${count} ${count === 1 ? 'reply' : 'replies'}</span></div>`);
    }
    const compact = !newDay && newFrom !== message.ts && !(inThread && i === 1) && sameGroup(before, message);
    out.push(html`<${Message} key=${`${message.ts}${message.is_ephemeral ? 'e' : ''}`} message=${message} dir=${dir} channel=${channel} compact=${Boolean(compact)} pinned=${pins.includes(message.ts)} inThread=${Boolean(inThread)} minute=${minute} />`);
  });
  return out;
}

export function MessageList({messages, dir, channel, pins = [], newFrom, inThread, intro, label}) {
  const scroller = useRef();
  const content = useRef();
  const [pill, setPill] = useState(false);
  const minute = useMinute();
  const last = messages.at(-1);
  const {toEnd, scrolled} = useStickyScroll({scroller, content, last: last?.ts, mine: last?.user === dir.me, fromTop: inThread, onNew: () => setPill(true)});
  const onScroll = () => { if (scrolled()) setPill(false); };
  useEffect(() => {
    for (const one of content.current.querySelectorAll('[data-message][tabindex="0"]')) one.tabIndex = -1;
    const last = [...content.current.querySelectorAll('[data-message]')].at(-1);
    if (last) last.tabIndex = 0;
  });
  return html`<div class="list-frame">
    <div class="list-scroll" ref=${scroller} onScroll=${onScroll} onKeyDown=${walk}>
      <div class="list" ref=${content} role="list" aria-label=${label}>${intro}${rows({messages, dir, channel, pins, newFrom, inThread, minute})}</div>
    </div>
    ${pill && html`<button type="button" class="new-pill" data-testid="new-messages" onClick=${toEnd}><${Icon} name="arrow" /> New messages</button>`}
  </div>`;
}
