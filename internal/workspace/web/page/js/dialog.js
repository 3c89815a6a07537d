// The frame of everything that opens over the page: dims it, keeps the focus
// inside, closes on Escape, gives the focus back.
import {html, useLayoutEffect, useRef} from './html.js';

const focusable = 'a[href], button:not([disabled]), input:not([disabled]), textarea:not([disabled]), select:not([disabled]), [tabindex="0"]';

export function Dialog({close, role = 'dialog', label, testid, class: look, children}) {
  const box = useRef();
  useLayoutEffect(() => {
    const before = document.activeElement;
    const first = box.current.querySelector('[data-autofocus]') || box.current.querySelector(`.dialog-body ${'input, textarea, .select-button'.replaceAll(', ', ', .dialog-body ')}`);
    if (!box.current.contains(document.activeElement)) (first || box.current).focus();
    return () => { if (before?.isConnected) before.focus(); };
  }, []);
  const keys = (event) => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      event.preventDefault();
      close();
    } else if (event.key === 'Tab') keepInside(event, box.current);
  };
  return html`<div class="dim" onPointerDown=${(event) => { if (event.target === event.currentTarget && role !== 'alertdialog' && !look?.includes('modal')) close(); }}>
    <div ref=${box} class=${`dialog ${look || ''}`} role=${role} aria-modal="true" aria-label=${label} tabindex="-1" data-testid=${testid} onKeyDown=${keys}>${children}</div>
  </div>`;
}

function keepInside(event, box) {
  const all = [...box.querySelectorAll(focusable)].filter((one) => one.offsetParent !== null);
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  if (event.shiftKey && at <= 0) {
    event.preventDefault();
    all.at(-1).focus();
  } else if (!event.shiftKey && (at === all.length - 1 || at < 0)) {
    event.preventDefault();
    all[0].focus();
  }
}
