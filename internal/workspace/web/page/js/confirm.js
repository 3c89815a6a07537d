// Block Kit's confirm dialog: asked before an element acts, above everything.
import {html} from './html.js';
import {Dialog} from './dialog.js';
import {TextObject, plainText} from './mrkdwn.js';
import {store, useStore} from './store.js';

// confirmThen runs `proceed`, after asking if the element declares a confirm.
export function confirmThen(confirm, proceed) {
  if (!confirm) return proceed();
  return store.set({dialog: {confirm, proceed}});
}

// ask is the same for the page's own questions.
export const ask = (title, text, yes, proceed) => confirmThen({
  title: {type: 'plain_text', text: title}, text: {type: 'plain_text', text}, confirm: {type: 'plain_text', text: yes}, deny: {type: 'plain_text', text: 'Cancel'}, style: 'danger',
}, proceed);

export function ConfirmDialog() {
  const dialog = useStore((state) => state.dialog);
  const dir = useStore((state) => state.dir);
  if (!dialog) return null;
  const {confirm, proceed} = dialog;
  const close = () => store.set({dialog: null});
  const yes = () => {
    close();
    proceed();
  };
  return html`<${Dialog} class="confirm" role="alertdialog" label=${plainText(confirm.title)} close=${close} testid="confirm-dialog">
    <header class="dialog-head"><h2>${plainText(confirm.title)}</h2></header>
    <div class="dialog-body"><${TextObject} object=${confirm.text} dir=${dir} /></div>
    <footer class="dialog-foot">
      <button type="button" class="button button-default" data-testid="confirm-no" onClick=${close}>${plainText(confirm.deny) || 'Cancel'}</button>
      <button type="button" class=${`button button-${confirm.style === 'danger' ? 'danger-solid' : 'primary'}`} data-testid="confirm-yes" data-autofocus onClick=${yes}>${plainText(confirm.confirm) || 'Yes'}</button>
    </footer>
  <//>`;
}
