// Certifies the workspace simulator: Slack's official Node clients must work
// against it as they do against Slack. The bot's side goes through @slack/bolt,
// @slack/web-api and @slack/socket-mode; the person's side through the
// simulator's control API.
//
//   SLACK_API_URL    the Web API, e.g. http://127.0.0.1:4390/api/
//   SLACK_BOT_TOKEN  xoxb-…
//   SLACK_APP_TOKEN  xapp-…
//   SIM_AS           id of the person who acts; default: the simulator's choice
//   SIM_CHANNEL      id of a channel with that person and the bot; default: the first
//
// The workspace needs the command /integrity and a global shortcut "pick-check".
// Prints one "ok - …" line per step; exits with 1 at the first failure.

import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';

import bolt from '@slack/bolt';
import {SocketModeClient} from '@slack/socket-mode';
import {WebClient} from '@slack/web-api';

const {SLACK_API_URL: slackApiUrl, SLACK_BOT_TOKEN: token, SLACK_APP_TOKEN: appToken} = process.env;
assert(slackApiUrl && token && appToken, 'SLACK_API_URL, SLACK_BOT_TOKEN and SLACK_APP_TOKEN must be set');
const stepLimit = 30_000;

// The person's side.

const simulator = new URL('/sim/', slackApiUrl);

async function sim(method, path, body) {
  const response = await fetch(new URL(path, simulator), {
    method, headers: {'Content-Type': 'application/json'}, body: body && JSON.stringify(body),
  });
  return response.json();
}

async function done(method, path, body) {
  const answer = await sim(method, path, body);
  assert(answer.ok, `${path}: ${answer.error} ${answer.message}`);
  return answer;
}

const state = await done('GET', `state${process.env.SIM_AS ? `?as=${process.env.SIM_AS}` : ''}`);
const as = state.me;
const channel = process.env.SIM_CHANNEL
  || state.channels.find((c) => c.bot_is_member && !c.is_im && c.members.includes(as)).id;

const seen = async () => (await done('GET', `channels/${channel}/messages?as=${as}`)).messages;
const thread = async (ts) => (await done('GET', `channels/${channel}/threads/${ts}?as=${as}`)).messages;
const modals = async () => (await done('GET', `views?as=${as}`)).stack;

async function until(what, find) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = await find();
    if (found) return found;
    assert(Date.now() < deadline, `waited 10 s in vain for ${what}`);
    await sleep(20);
  }
}

// The steps.

async function step(name, work) {
  const limit = new AbortController();
  const late = sleep(stepLimit, undefined, {signal: limit.signal, ref: false})
    .then(() => { throw new Error(`took more than ${stepLimit / 1000} s`); });
  late.catch(() => {}); // aborted when the step is done
  try {
    await Promise.race([work(), late]);
  } catch (error) {
    console.error(`not ok - ${name}: ${error.stack}`);
    process.exit(1);
  } finally {
    limit.abort();
  }
  console.log(`ok - ${name}`);
}

const web = new WebClient(token, {slackApiUrl, retryConfig: {retries: 0}});
const app = new bolt.App({
  token, appToken, socketMode: true, logLevel: bolt.LogLevel.ERROR, clientOptions: {slackApiUrl, retryConfig: {retries: 0}},
});
const failures = [];
app.error(async (error) => { failures.push(error); });

const button = (text, actionID, value) => ({type: 'button', action_id: actionID, value, text: {type: 'plain_text', text}});
const inputBlock = {
  type: 'input', block_id: 'reason', label: {type: 'plain_text', text: 'Reason'},
  element: {type: 'plain_text_input', action_id: 'text', min_length: 3},
};
const modal = (title) => ({
  type: 'modal', callback_id: 'ask', private_metadata: 'R-1', notify_on_close: true,
  title: {type: 'plain_text', text: title}, submit: {type: 'plain_text', text: 'Send'}, blocks: [inputBlock],
});

const submitted = [];
const closed = [];
const mentions = [];

app.command('/integrity', async ({command, ack, respond, say, client}) => {
  if (command.text === 'ack-text') return ack('answered in the acknowledgement');
  await ack();
  if (command.text === 'respond') {
    await respond({text: 'only you see this'});
    await respond({text: 'everyone sees this', response_type: 'in_channel'});
  }
  if (command.text === 'say') await say({text: 'said'});
  if (command.text === 'modal') await client.views.open({trigger_id: command.trigger_id, view: modal('First')});
  return undefined;
});
app.action('count', async ({ack, body, action, client}) => {
  await ack();
  await client.chat.update({
    channel: body.channel.id, ts: body.container.message_ts, text: `clicked ${action.value} by ${body.user.id}`, blocks: [],
  });
});
app.action('answer', async ({ack, respond}) => {
  await ack();
  await respond({text: 'replaced', replace_original: true});
});
app.view('ask', async ({ack, view}) => {
  const text = view.state.values.reason.text.value;
  if (text === 'bad') return ack({response_action: 'errors', errors: {reason: 'not that'}});
  if (text === 'more') return ack({response_action: 'push', view: modal('Second')});
  submitted.push({text, metadata: view.private_metadata});
  return ack();
});
app.view({callback_id: 'ask', type: 'view_closed'}, async ({ack, view}) => {
  closed.push(view.title.text);
  await ack();
});
app.shortcut('pick-check', async ({ack, shortcut, client}) => {
  await ack();
  await client.views.open({trigger_id: shortcut.trigger_id, view: modal('Shortcut')});
});
app.event('app_mention', async ({event, say}) => {
  mentions.push(event);
  await say({text: 'you called', thread_ts: event.thread_ts ?? event.ts});
});
app.event('app_home_opened', async ({event, client}) => {
  await client.views.publish({
    user_id: event.user,
    view: {type: 'home', blocks: [{type: 'section', text: {type: 'mrkdwn', text: 'Welcome home'}}]},
  });
});

await step('auth.test names the bot, and the granted scopes are in the header', async () => {
  const me = await web.auth.test();
  assert.equal(me.user_id, state.bot.user_id);
  assert(me.response_metadata.scopes.includes('chat:write'), String(me.response_metadata.scopes));
});

await step('errors arrive under their names', async () => {
  const wrong = new WebClient('xoxb-wrong', {slackApiUrl, retryConfig: {retries: 0}});
  await assert.rejects(wrong.auth.test(), (e) => e.data.error === 'invalid_auth');
  await assert.rejects(web.chat.postMessage({channel: 'C404', text: 'x'}), (e) => e.data.error === 'channel_not_found');
  const blocks = [{type: 'header', text: {type: 'plain_text', text: 'x'.repeat(151)}}];
  await assert.rejects(web.chat.postMessage({channel, text: 'x', blocks}), (e) => {
    assert.equal(e.data.error, 'invalid_blocks');
    return e.data.response_metadata.messages[0].includes('json-pointer:/blocks/0/text/text');
  });
});

await step('bolt connects over Socket Mode', async () => {
  await app.start();
  await until('the bot to be online', async () => (await done('GET', `state?as=${as}`)).bot.online);
});

await step('slash command, acknowledgement, respond: to one and to all', async () => {
  await done('POST', 'say', {as, channel, text: '/integrity respond'});
  const all = await until('both answers', async () => {
    const messages = await seen();
    return messages.some((m) => m.text === 'everyone sees this') && messages;
  });
  assert(all.find((m) => m.text === 'only you see this').is_ephemeral);
  assert(all.some((m) => m.command === '/integrity respond'), 'the typed command is shown in the channel');
});

await step('slash command answered in the acknowledgement', async () => {
  await done('POST', 'say', {as, channel, text: '/integrity ack-text'});
  const m = await until('the answer', async () => (await seen()).find((x) => x.text === 'answered in the acknowledgement'));
  assert(m.is_ephemeral);
});

await step('say posts as the bot', async () => {
  await done('POST', 'say', {as, channel, text: '/integrity say'});
  const m = await until('the message', async () => (await seen()).find((x) => x.text === 'said'));
  assert.equal(m.user, state.bot.user_id);
});

await step('a mention starts a thread', async () => {
  const {ts} = await done('POST', 'say', {as, channel, text: `@${state.bot.name} hello`});
  const replies = await until('the reply', async () => {
    const messages = await thread(ts);
    return messages.length === 2 && messages;
  });
  assert.equal(replies[1].text, 'you called');
  assert.equal(mentions[0].user, as);
});

await step('post, button click, update', async () => {
  const posted = await web.chat.postMessage({
    channel, text: 'press', metadata: {event_type: 'run', event_payload: {id: 'R-1'}},
    blocks: [{type: 'actions', block_id: 'b', elements: [button('Go', 'count', '42')]}],
  });
  await done('POST', 'click', {as, channel, ts: posted.ts, block_id: 'b', action_id: 'count'});
  const m = await until('the update', async () => (await seen()).find((x) => x.ts === posted.ts && x.edited));
  assert.equal(m.text, `clicked 42 by ${as}`);
  const history = await web.conversations.history({channel, include_all_metadata: true});
  assert.equal(history.messages.find((x) => x.ts === posted.ts).metadata.event_payload.id, 'R-1');
});

await step('an ephemeral message is replaced through its response_url', async () => {
  const {message_ts: ts} = await web.chat.postEphemeral({
    channel, user: as, text: 'press', blocks: [{type: 'actions', block_id: 'b', elements: [button('Go', 'answer', '1')]}],
  });
  await done('POST', 'click', {as, channel, ts, block_id: 'b', action_id: 'answer'});
  await until('the replacement', async () => (await seen()).find((x) => x.ts === ts && x.text === 'replaced'));
});

await step('modal: opened from a command, errors shown, second one pushed, submitted', async () => {
  await done('POST', 'say', {as, channel, text: '/integrity modal'});
  const [first] = await until('the modal', async () => (await modals()).length === 1 && modals());
  const values = (value) => ({as, values: {reason: {text: {type: 'plain_text_input', value}}}});
  const empty = await sim('POST', `views/${first.id}/submit`, values(''));
  assert.match(empty.errors.reason, /required/);
  const refused = await sim('POST', `views/${first.id}/submit`, values('bad'));
  assert.deepEqual(refused.errors, {reason: 'not that'});
  await done('POST', `views/${first.id}/submit`, values('more'));
  const stack = await modals();
  assert.deepEqual(stack.map((v) => v.title.text), ['First', 'Second']);
  await done('POST', `views/${stack[1].id}/submit`, values('because'));
  assert.deepEqual(submitted, [{text: 'because', metadata: 'R-1'}]);
  await done('POST', `views/${first.id}/close`, {as});
  await until('view_closed', async () => closed.includes('First'));
  assert.equal((await modals()).length, 0);
});

await step('global shortcut opens a modal', async () => {
  await done('POST', 'shortcut', {as, callback_id: 'pick-check'});
  const [v] = await until('the modal', async () => (await modals()).length === 1 && modals());
  assert.equal(v.title.text, 'Shortcut');
  await done('POST', `views/${v.id}/close`, {as});
});

await step('Home tab is published when it is opened', async () => {
  await done('GET', `home?as=${as}`);
  const view = await until('the Home tab', async () => (await done('GET', `home?as=${as}`)).view);
  assert.equal(view.blocks[0].text.text, 'Welcome home');
});

await step('filesUploadV2 puts a file into a thread', async () => {
  const parent = await web.chat.postMessage({channel, text: 'report'});
  const content = 'order,total\no1,45.10\n';
  await web.filesUploadV2({
    channel_id: channel, thread_ts: parent.ts, filename: 'orders.csv', title: 'Orders', content, initial_comment: 'all rows',
  });
  const [, reply] = await thread(parent.ts);
  assert.equal(reply.text, 'all rows');
  assert.equal(reply.files[0].title, 'Orders');
  const body = await fetch(new URL(reply.files[0].url, slackApiUrl));
  assert.equal(await body.text(), content);
});

await step('users, channels and user groups can be read', async () => {
  assert.equal((await web.users.info({user: as})).user.id, as);
  assert((await web.conversations.info({channel})).channel.is_member);
  assert((await web.conversations.members({channel})).members.includes(as));
  assert(Array.isArray((await web.usergroups.list({include_users: true})).usergroups));
});

await step('a rate limit is honoured: 429, Retry-After, then done', async () => {
  await done('POST', 'faults', {method: 'chat.update', kind: '429', retry_after: 1, count: 1});
  const patient = new WebClient(token, {slackApiUrl});
  const posted = await patient.chat.postMessage({channel, text: 'before'}); // the burst of posts may be used up
  const began = Date.now();
  await patient.chat.update({channel, ts: posted.ts, text: 'after'});
  assert(Date.now() - began >= 900, 'the client did not wait');
});

await step('socket-mode client: hello, slash command, acknowledgement', async () => {
  const client = new SocketModeClient({appToken, logLevel: 'error', clientOptions: {slackApiUrl}});
  let commands = 0;
  client.on('slash_commands', async ({ack}) => {
    commands += 1;
    await ack({text: 'from socket-mode'});
  });
  await client.start();
  // Two clients share the traffic; one of several commands reaches this one.
  for (let i = 0; commands === 0 && i < 40; i += 1) {
    await done('POST', 'say', {as, channel, text: '/integrity nothing'});
    await sleep(50);
  }
  assert(commands > 0, 'no command reached the second client');
  await until('its answer', async () => (await seen()).find((m) => m.text === 'from socket-mode'));
  await client.disconnect();
});

const connections = async () => (await done('GET', 'journal')).entries.filter((e) => e.kind === 'socket' && e.event === 'open').length;

await step('bolt reconnects after refresh_requested', async () => {
  const before = await connections();
  await done('POST', 'faults', {method: 'socket', kind: 'refresh'});
  await until('a new connection', async () => (await connections()) > before);
  await until('the bot to be online', async () => (await done('GET', `state?as=${as}`)).bot.online);
  const count = async () => (await seen()).filter((m) => m.text === 'said').length;
  const had = await count();
  await done('POST', 'say', {as, channel, text: '/integrity say'});
  await until('an answer over the new connection', async () => (await count()) > had);
});

await step('bolt reconnects after the connection broke', async () => {
  const before = await connections();
  await done('POST', 'faults', {method: 'socket', kind: 'drop'});
  await until('a new connection', async () => (await connections()) > before);
});

await step('nothing was done that Slack does not accept, and no handler failed', async () => {
  const {entries} = await done('GET', 'journal');
  assert.deepEqual(entries.filter((e) => e.violation).map((e) => e.violation), []);
  assert.deepEqual(failures, []);
});

await app.stop();
process.exit(0);
