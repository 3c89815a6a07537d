// The least a Slack app can do: acknowledge a slash command, and nothing else. It keeps nothing, so whatever it
// acknowledged is lost when it ends. Benchmarks S1 and S11 compare with it (make bench).
//
//   SLACK_API_URL    the Web API, e.g. http://127.0.0.1:4390/api/
//   SLACK_BOT_TOKEN  xoxb-…
//   SLACK_APP_TOKEN  xapp-…
//
// Prints "ready" once Slack has said hello, and ends with its standard input.

import bolt from '@slack/bolt';

const {SLACK_API_URL: slackApiUrl, SLACK_BOT_TOKEN: token, SLACK_APP_TOKEN: appToken} = process.env;
if (!slackApiUrl || !token || !appToken) throw new Error('SLACK_API_URL, SLACK_BOT_TOKEN and SLACK_APP_TOKEN must be set');

const app = new bolt.App({token, appToken, socketMode: true, logLevel: bolt.LogLevel.ERROR, clientOptions: {slackApiUrl}});
app.command('/integrity', ({ack}) => ack());

process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
await app.start();
console.log('ready');
