// Who and what exists in the workspace, as one immutable lookup made from
// GET /sim/state. Messages are drawn against it, so a new one redraws them.

const palette = ['#4a154b', '#1264a3', '#007a5a', '#b5530a', '#8b1a5c', '#2b6777', '#6b4fbb', '#a03a3a', '#3b6e22', '#7a5a00'];

export class Directory {
  constructor(state) {
    this.me = state.me;
    this.team = state.team || {id: '', name: 'Workspace'};
    this.bot = state.bot || {};
    this.people = state.people || [];
    this.groups = state.groups || [];
    this.channels = state.channels || [];
    this.commands = state.commands || [];
    this.shortcuts = state.shortcuts || [];
    this.tries = state.tries || [];
    this.byPerson = new Map(this.people.map((person) => [person.id, person]));
    this.byChannel = new Map(this.channels.map((channel) => [channel.id, channel]));
    this.byGroup = new Map(this.groups.map((group) => [group.id, group]));
  }

  person(id) { return this.byPerson.get(id); }
  channel(id) { return this.byChannel.get(id); }
  isBot(id) { return id === this.bot.user_id || this.person(id)?.kind === 'bot'; }

  // fullName is the name beside an avatar.
  fullName(id) {
    const person = this.person(id);
    if (person) return person.real_name || person.name || id;
    if (id && id === this.bot.user_id) return this.bot.name || 'App';
    return id === 'USLACKBOT' ? 'Slackbot' : id || 'Unknown';
  }

  // handle is what people type after @.
  handle(id) {
    return this.person(id)?.name || (id === this.bot.user_id && this.bot.name) || id;
  }

  // named finds who a handle belongs to.
  named(handle) {
    const wanted = handle.toLowerCase();
    if (wanted === this.bot.name?.toLowerCase()) return this.bot.user_id;
    return this.people.find((person) => person.name?.toLowerCase() === wanted)?.id;
  }

  groupHandle(id) { return (this.byGroup.get(id)?.handle || id).replace(/^@/, ''); }

  color(id) {
    const own = this.person(id)?.color;
    if (own) return /^#/.test(own) ? own : /^[0-9a-f]{3,6}$/i.test(own) ? `#${own}` : own;
    let sum = 0;
    for (const letter of id || '') sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
    return palette[sum % palette.length];
  }

  // peer is the other person of a direct message.
  peer(channel) {
    return (channel.members || []).find((id) => id !== this.me) || channel.user || this.me;
  }

  channelName(channel) {
    if (!channel) return '';
    return channel.is_im ? this.fullName(this.peer(channel)) : channel.name || channel.id;
  }

  // appChannel is the direct message between me and the bot, if there is one.
  appChannel() {
    return this.channels.find((channel) => channel.is_im && this.peer(channel) === this.bot.user_id);
  }

  // landing is the channel that opens when the address names none.
  landing() {
    const open = this.channels.filter((channel) => !channel.is_archived && !channel.is_im);
    const mine = open.filter((channel) => (channel.members || []).includes(this.me));
    return mine.find((channel) => channel.bot_is_member) || mine[0] || open[0] || this.channels[0];
  }
}
