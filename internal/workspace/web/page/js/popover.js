// A small panel beside the control that opened it. It closes on Escape, on a
// click elsewhere and on Tab (unless it holds fields: keepTab); arrow keys walk
// its items.
import {html, useEffect, useLayoutEffect, useRef} from './html.js';

const walkable = '[role=menuitem], [role=menuitemradio], [role=option]';

function position(panel, anchor, prefer) {
  const at = anchor.getBoundingClientRect();
  const room = innerHeight - at.bottom;
  const above = prefer === 'above' || (room < Math.min(panel.offsetHeight, 320) && at.top > room);
  panel.style.minWidth = `${Math.min(at.width, 480)}px`;
  panel.style.maxHeight = `${Math.max(120, Math.min(420, (above ? at.top : room) - 12))}px`;
  panel.style.left = `${Math.max(8, Math.min(at.left, innerWidth - panel.offsetWidth - 8))}px`;
  panel.style.top = above ? `${Math.max(8, at.top - panel.offsetHeight - 4)}px` : `${at.bottom + 4}px`;
}

export function Popover({anchor, close, role, label, prefer, class: look, focusFirst = true, keepTab, testid, children}) {
  const panel = useRef();
  useLayoutEffect(() => {
    position(panel.current, anchor.current, prefer);
    panel.current.classList.add('placed');
    if (focusFirst) (panel.current.querySelector('input, [aria-selected=true], [aria-checked=true]') || panel.current.querySelector(walkable) || panel.current).focus();
  }, []);
  useEffect(() => {
    const outside = (event) => {
      if (!panel.current?.contains(event.target) && !anchor.current?.contains(event.target)) close();
    };
    document.addEventListener('pointerdown', outside, true);
    addEventListener('resize', close);
    return () => {
      document.removeEventListener('pointerdown', outside, true);
      removeEventListener('resize', close);
    };
  }, []);
  const keys = (event) => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      event.preventDefault();
      close();
      anchor.current?.focus();
    } else if (event.key === 'Tab' && !keepTab) close();
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const items = [...panel.current.querySelectorAll(walkable)];
      if (!items.length || ['INPUT', 'SELECT'].includes(event.target.tagName)) return;
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
    }
  };
  return html`<div ref=${panel} class=${`popover ${look || ''}`} role=${role} aria-label=${label} tabindex="-1" data-testid=${testid} onKeyDown=${keys}>${children}</div>`;
}
