// Modals: the app's stack of views, the last on top. The app decides what
// follows a submission; the page shows that it waits and what was wrong.
import {html, useEffect, useState} from './html.js';
import {Blocks} from './blocks.js';
import {Avatar} from './avatar.js';
import {Dialog} from './dialog.js';
import {Icon} from './icons.js';
import {plainText} from './mrkdwn.js';
import {closeView, submit} from './actions.js';
import {forgetForm} from './elements.js';
import {useStore} from './store.js';

function Modal({view, dir, depth}) {
  const [errors, setErrors] = useState({});
  const [busy, setBusy] = useState(false);
  useEffect(() => { setErrors({}); }, [view.id, view.hash]);
  const close = () => {
    forgetForm(view.id);
    closeView(view);
  };
  const send = async (event) => {
    event.preventDefault();
    if (busy || !view.submit) return;
    setBusy(true);
    const wrong = await submit(view);
    setBusy(false);
    setErrors(wrong || {});
    if (wrong) setTimeout(() => document.querySelector('[aria-invalid=true]')?.focus());
  };
  const place = {key: view.id, surface: 'modal', view: view.id, errors};
  const own = new Set((view.blocks || []).map((block) => block.block_id));
  const stray = Object.entries(errors).filter(([block]) => !own.has(block)).map(([, text]) => text);
  return html`<${Dialog} class="modal" label=${plainText(view.title)} close=${close} testid="modal">
    <form onSubmit=${send} novalidate>
      <header class="dialog-head"><${Avatar} dir=${dir} id=${dir.bot.user_id} size=${28} /><h2 data-testid="modal-title">${plainText(view.title)}</h2>
        ${depth > 1 && html`<small class="modal-depth">step ${depth}</small>`}
        <button type="button" class="icon-button" aria-label="Close" data-testid="modal-x" onClick=${close}><${Icon} name="close" /></button></header>
      <div class="dialog-body">${stray.map((text) => html`<div class="pane-error" role="alert">${text}</div>`)}<${Blocks} blocks=${view.blocks} dir=${dir} place=${place} /></div>
      <footer class="dialog-foot">
        <button type="button" class="button button-default" data-testid="modal-close" onClick=${close}>${plainText(view.close) || 'Cancel'}</button>
        ${view.submit && html`<button type="submit" class="button button-primary" data-testid="modal-submit" aria-busy=${busy ? 'true' : undefined} disabled=${busy}>
          <span class="button-text">${plainText(view.submit)}</span>${busy && html`<span class="spinner" aria-hidden="true"></span>`}</button>`}
      </footer>
    </form>
  <//>`;
}

export function Modals({dir}) {
  const views = useStore((state) => state.views);
  const top = views.at(-1);
  return top ? html`<${Modal} key=${top.id} view=${top} dir=${dir} depth=${views.length} />` : null;
}
