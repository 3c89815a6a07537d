// What is half written, per conversation, and the way for other parts of the
// page to put text into a typing box.
const kept = new Map();
const boxes = new Map();

export const draft = (key) => kept.get(key) || '';
export const keepDraft = (key, text) => (text ? kept.set(key, text) : kept.delete(key));

// attachBox tells how to fill the box of a conversation while it is on screen.
export function attachBox(key, fill) {
  boxes.set(key, fill);
  return () => { if (boxes.get(key) === fill) boxes.delete(key); };
}

// fillBox puts text into a conversation's box and the cursor behind it.
export function fillBox(key, text) {
  keepDraft(key, text);
  boxes.get(key)?.(text);
}
