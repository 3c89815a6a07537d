// Light, dark, or what the system prefers.
import {store} from './store.js';

const key = 'workspace-theme';

export function applyTheme(theme) {
  const chosen = ['light', 'dark'].includes(theme) ? theme : 'auto';
  if (chosen === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  store.set({theme: chosen});
}

export function firstTheme(fromAddress) {
  let kept = '';
  try {
    kept = localStorage.getItem(key) || '';
  } catch { /* without storage the system decides */ }
  applyTheme(fromAddress || kept);
}

export function toggleTheme() {
  const dark = store.value.theme === 'auto' ? matchMedia('(prefers-color-scheme: dark)').matches : store.value.theme === 'dark';
  const next = dark ? 'light' : 'dark';
  applyTheme(next);
  try {
    localStorage.setItem(key, next);
  } catch { /* the choice then lasts until the page is closed */ }
}
