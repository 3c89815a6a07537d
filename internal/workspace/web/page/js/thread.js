// The thread pane on the right.
import {html, useEffect, useRef} from './html.js';
import {Composer} from './composer.js';
import {Icon} from './icons.js';
import {MessageList} from './message-list.js';
import {openChannel} from './route.js';
import {threadKey, useStore} from './store.js';

export function ThreadPane({channel, ts, dir}) {
  const key = threadKey(channel.id, ts);
  const messages = useStore((state) => state.threads[key]);
  const failed = useStore((state) => state.failed[key]);
  const pins = useStore((state) => state.pins[channel.id]);
  const pane = useRef();
  const close = () => openChannel(channel.id);
  useEffect(() => { pane.current.querySelector('textarea')?.focus({preventScroll: true}); }, [key]);
  const keys = (event) => {
    if (event.key === 'Escape' && !event.defaultPrevented) {
      event.preventDefault();
      close();
    }
  };
  return html`<aside ref=${pane} class="pane pane-thread" data-pane data-testid="thread" aria-label=${`Thread in ${dir.channelName(channel)}`} onKeyDown=${keys}>
    <header class="channel-head">
      <h2 class="channel-title">Thread</h2><span class="thread-where">${channel.is_im ? '' : '#'}${dir.channelName(channel)}</span><span class="grow"></span>
      <button type="button" class="icon-button" aria-label="Close thread" data-testid="thread-close" onClick=${close}><${Icon} name="close" /></button>
    </header>
    ${failed && html`<div class="pane-error" role="alert">${failed}</div>`}
    ${messages ? html`<${MessageList} key=${key} messages=${messages} dir=${dir} channel=${channel.id} pins=${pins} inThread label="Messages in this thread" />`
      : html`<div class="list-frame loading" aria-busy="true">${!failed && html`<div class="skeleton"></div>`}</div>`}
    <${Composer} key=${key} channel=${channel} dir=${dir} thread=${ts} />
  </aside>`;
}
