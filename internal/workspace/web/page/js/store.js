// A value that can be watched. The page has one; only the modules named
// actions, live and route change it.
import {useEffect, useRef, useState} from './html.js';

class Store {
  #value;
  #watchers = new Set();

  constructor(initial) { this.#value = initial; }

  get value() { return this.#value; }

  set(patch) {
    const change = typeof patch === 'function' ? patch(this.#value) : patch;
    if (!change) return;
    this.#value = {...this.#value, ...change};
    for (const watcher of this.#watchers) watcher();
  }

  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

export const store = new Store({
  as: '',            // the person one is typing as
  dir: null,         // Directory: people, channels, groups, commands
  route: {name: 'start'},
  messages: {},      // channel id → messages, oldest first
  pins: {},          // channel id → [ts]
  threads: {},       // "channel/ts" → messages, parent first
  unread: {},        // channel id → messages that arrived while another channel was open
  newFrom: {},       // channel id → ts of the first message not seen when it was opened
  failed: {},        // channel id or "channel/ts" → why it could not be loaded
  views: [],         // modal stack, last on top
  home: undefined,   // undefined: not asked; null: the app has published none
  forms: {},         // view id → block id → action id → state of that element
  pending: {},       // "place/block/action" → true while a click waits for something to change
  refused: {},       // "place/block/action" → why a click failed
  connection: 'connecting',
  dialog: null,      // confirm dialog
  viewer: null,      // file that is open
  overlay: null,     // 'switcher' | 'sidebar' | 'pins'
  faults: [],
  toasts: [],
  spoken: '',        // what the live region says
  theme: 'auto',
});

// useStore re-renders when what `select` returns is another value. `select` may
// change from one drawing to the next (another channel); the newest counts.
export function useStore(select) {
  const [, redraw] = useState(0);
  const picked = select(store.value);
  const drawn = useRef();
  drawn.current = {select, picked};
  useEffect(() => {
    const look = () => {
      if (!Object.is(drawn.current.select(store.value), drawn.current.picked)) redraw((n) => n + 1);
    };
    look();
    return store.watch(look);
  }, []);
  return picked;
}

// threadKey names a thread in `threads`, `failed` and drafts.
export const threadKey = (channel, ts) => `${channel}/${ts}`;
