// Line icons on a 20 by 20 grid, drawn for this page.
import {html} from './html.js';

const shapes = {
  hash: 'M8 3 6.5 17M13.5 3 12 17M3.5 7.5h13.5M3 12.5h13.5',
  lock: 'M5 9h10v8H5zM7 9V6a3 3 0 0 1 6 0v3',
  'chevron-down': 'M5 7.5l5 5 5-5',
  'chevron-right': 'M7.5 5l5 5-5 5',
  check: 'M4 10.5l4 4 8-9',
  close: 'M5 5l10 10M15 5L5 15',
  plus: 'M10 4v12M4 10h12',
  send: 'M3 10l-.5-6.500L18 10 2.500 16.500 3 10zM3 10h8',
  at: 'M13.300 10a3.300 3.300 0 1 1-6.600 0 3.300 3.300 0 0 1 6.600 0zm0 0v1.200a2 2 0 0 0 4 0V10a7.300 7.300 0 1 0-2.700 5.700',
  slash: 'M12 4.500 8 15.500M3.500 3.500h13v13h-13z',
  smile: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM7 11.500c1.500 2.300 4.500 2.300 6 0M7.500 8v.1M12.500 8v.1',
  reply: 'M3.500 4h13v9h-7l-4 3.500V13h-2z',
  pin: 'M7 3h6l-.5 5 3 3.500h-11L7.500 8zM10 11.500V17',
  people: 'M7.500 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM2.500 16c0-6 10-6 10 0zM13 9a2 2 0 1 0 0-4M14.500 11.500c2 .4 3 2 3 4.500h-2',
  search: 'M8.500 14a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11zM12.500 12.500 17 17',
  dots: 'M10 4.500v.1M10 10v.1M10 15.500v.1',
  download: 'M10 3v10M5.500 9l4.500 4.500L14.500 9M4 17h12',
  expand: 'M12 3.500h4.500V8M16.500 3.500 11 9M8 16.500H3.500V12M3.500 16.500 9 11',
  menu: 'M3.500 5.500h13M3.500 10h13M3.500 14.500h13',
  home: 'M3 9.500 10 3.500l7 6V17h-5v-4.500H8V17H3z',
  bolt: 'M11 2.500 4.500 11.500H10L9 17.500 15.500 8.500H10z',
  trash: 'M4 5.500h12M8 5.500V3.500h4v2M5.500 5.500l.8 11h7.400l.8-11',
  link: 'M8.500 11.500a3 3 0 0 0 4.300 0l3-3a3 3 0 0 0-4.300-4.300l-1 1M11.500 8.500a3 3 0 0 0-4.300 0l-3 3a3 3 0 0 0 4.300 4.300l1-1',
  sun: 'M10 13.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M4.300 15.700l1.100-1.100M14.600 5.400l1.100-1.100',
  moon: 'M16 12A6.500 6.500 0 0 1 8 4a6.500 6.500 0 1 0 8 8z',
  arrow: 'M10 4v12M5 11l5 5 5-5',
};

export function Icon({name}) {
  const bold = name === 'dots';
  return html`<svg class=${`icon icon-${name}`} viewBox="0 0 20 20" aria-hidden="true"><path d=${shapes[name]} fill="none" stroke="currentColor" stroke-width=${bold ? 2.6 : 1.5} stroke-linecap="round" stroke-linejoin="round" /></svg>`;
}
