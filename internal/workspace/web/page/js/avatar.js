// Generated avatars: initials on the person's colour; the app has its own mark.
import {html} from './html.js';

const initials = (name) => {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  return (words.length > 1 ? words[0][0] + words.at(-1)[0] : name.slice(0, 1)).toUpperCase();
};

export function Avatar({dir, id, size = 36}) {
  const look = {width: `${size}px`, height: `${size}px`, background: dir.color(id), fontSize: `${Math.round(size * 0.42)}px`};
  if (id === 'USLACKBOT') return html`<span class="avatar" style=${{...look, background: '#e8e8e8'}} aria-hidden="true">🤖</span>`;
  if (dir.isBot(id)) {
    return html`<span class="avatar avatar-app" style=${{...look, background: undefined}} aria-hidden="true"><svg viewBox="0 0 36 36"><path d="M10 18.500l5.500 5.500L27 12.500" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round" /></svg></span>`;
  }
  return html`<span class="avatar" style=${look} aria-hidden="true">${initials(dir.fullName(id))}</span>`;
}
