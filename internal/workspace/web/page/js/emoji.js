// Short names of the emoji that people and the bot use. A name that is not
// here is shown as it was typed, as Slack does with names it does not know.

const table = `
+1 👍|thumbsup 👍|-1 👎|thumbsdown 👎|ok_hand 👌|clap 👏|wave 👋|raised_hands 🙌|pray 🙏|muscle 💪|point_right 👉|point_left 👈|point_up ☝️|point_down 👇|eyes 👀|raising_hand 🙋|shrug 🤷|man-shrugging 🤷‍♂️|woman-shrugging 🤷‍♀️|facepalm 🤦|handshake 🤝|fire 🔥|boom 💥|zap ⚡|sparkles ✨|star ⭐|star2 🌟|tada 🎉|confetti_ball 🎊|rocket 🚀|100 💯|heart ❤️|broken_heart 💔|green_heart 💚|blue_heart 💙|purple_heart 💜|yellow_heart 💛
smile 😄|smiley 😃|grinning 😀|grin 😁|joy 😂|rofl 🤣|slightly_smiling_face 🙂|upside_down_face 🙃|wink 😉|blush 😊|sunglasses 😎|thinking_face 🤔|neutral_face 😐|expressionless 😑|confused 😕|worried 😟|disappointed 😞|cry 😢|sob 😭|scream 😱|sweat 😓|sweat_smile 😅|rage 😡|exploding_head 🤯|sleeping 😴|zipper_mouth_face 🤐|face_with_monocle 🧐|saluting_face 🫡|melting_face 🫠|skull 💀|ghost 👻|robot_face 🤖|see_no_evil 🙈|party_popper 🎉
white_check_mark ✅|heavy_check_mark ✔️|ballot_box_with_check ☑️|x ❌|negative_squared_cross_mark ❎|heavy_multiplication_x ✖️|heavy_plus_sign ➕|heavy_minus_sign ➖|exclamation ❗|heavy_exclamation_mark ❗|grey_exclamation ❕|question ❓|grey_question ❔|bangbang ‼️|interrobang ⁉️|warning ⚠️|no_entry ⛔|no_entry_sign 🚫|octagonal_sign 🛑|stop_sign 🛑|rotating_light 🚨|construction 🚧|information_source ℹ️|sos 🆘|ok 🆗|new 🆕|up 🆙|free 🆓|radioactive_sign ☢️|biohazard_sign ☣️|recycle ♻️|infinity ♾️
red_circle 🔴|large_green_circle 🟢|green_circle 🟢|large_blue_circle 🔵|blue_circle 🔵|large_yellow_circle 🟡|yellow_circle 🟡|large_orange_circle 🟠|orange_circle 🟠|large_purple_circle 🟣|large_brown_circle 🟤|white_circle ⚪|black_circle ⚫|red_square 🟥|large_red_square 🟥|large_green_square 🟩|large_yellow_square 🟨|large_orange_square 🟧|large_blue_square 🟦|white_large_square ⬜|black_large_square ⬛|white_small_square ▫️|black_small_square ▪️|small_red_triangle 🔺|small_red_triangle_down 🔻|small_orange_diamond 🔸|small_blue_diamond 🔹|large_orange_diamond 🔶|large_blue_diamond 🔷|radio_button 🔘
hourglass ⌛|hourglass_flowing_sand ⏳|stopwatch ⏱️|timer_clock ⏲️|alarm_clock ⏰|clock1 🕐|clock3 🕒|clock12 🕛|watch ⌚|calendar 📆|date 📅|spiral_calendar_pad 🗓️|arrow_forward ▶️|double_vertical_bar ⏸️|pause_button ⏸️|black_square_for_stop ⏹️|stop_button ⏹️|fast_forward ⏩|rewind ⏪|repeat 🔁|arrows_counterclockwise 🔄|arrows_clockwise 🔃|leftwards_arrow_with_hook ↩️|arrow_right_hook ↪️|arrow_up ⬆️|arrow_down ⬇️|arrow_left ⬅️|arrow_right ➡️|arrow_upper_right ↗️|arrow_lower_right ↘️|arrow_up_down ↕️
mag 🔍|mag_right 🔎|bulb 💡|wrench 🔧|hammer 🔨|hammer_and_wrench 🛠️|nut_and_bolt 🔩|gear ⚙️|toolbox 🧰|magnet 🧲|microscope 🔬|test_tube 🧪|syringe 💉|adhesive_bandage 🩹|stethoscope 🩺|lock 🔒|unlock 🔓|closed_lock_with_key 🔐|key 🔑|shield 🛡️|bell 🔔|no_bell 🔕|mega 📣|loudspeaker 📢|speech_balloon 💬|thought_balloon 💭|email 📧|envelope ✉️|incoming_envelope 📨|inbox_tray 📥|outbox_tray 📤|package 📦|telephone_receiver 📞|pager 📟|bug 🐛|beetle 🪲|broom 🧹|dart 🎯|door 🚪|sleuth_or_spy 🕵️|detective 🕵️
memo 📝|pencil 📝|pencil2 ✏️|clipboard 📋|page_facing_up 📄|page_with_curl 📃|bookmark_tabs 📑|file_folder 📁|open_file_folder 📂|card_index 📇|file_cabinet 🗄️|card_file_box 🗃️|wastebasket 🗑️|paperclip 📎|pushpin 📌|round_pushpin 📍|triangular_flag_on_post 🚩|checkered_flag 🏁|scroll 📜|receipt 🧾|ticket 🎫|label 🏷️|bookmark 🔖|link 🔗|chart_with_upwards_trend 📈|chart_with_downwards_trend 📉|bar_chart 📊|scales ⚖️|balance_scale ⚖️|abacus 🧮|floppy_disk 💾|computer 💻|desktop_computer 🖥️|satellite_antenna 📡|electric_plug 🔌|battery 🔋
moneybag 💰|dollar 💵|credit_card 💳|money_with_wings 💸|bank 🏦|shopping_trolley 🛒|shopping_cart 🛒|truck 🚚|factory 🏭|office 🏢|house 🏠|hospital 🏥|ambulance 🚑|fire_engine 🚒|ship 🚢|whale 🐳|elephant 🐘|snail 🐌|turtle 🐢|cat 🐱|dog 🐶|unicorn_face 🦄|coffee ☕|pizza 🍕|beers 🍻|cake 🍰|seedling 🌱|evergreen_tree 🌲|sunny ☀️|cloud ☁️|rainbow 🌈|snowflake ❄️|ocean 🌊|earth_africa 🌍|crescent_moon 🌙|trophy 🏆|medal 🏅|gift 🎁|crown 👑|gem 💎|game_die 🎲|jigsaw 🧩|art 🎨|movie_camera 🎥|camera 📷|headphones 🎧|bust_in_silhouette 👤|busts_in_silhouette 👥|baby 👶|superhero 🦸|technologist 🧑‍💻|one 1️⃣|two 2️⃣|three 3️⃣|four 4️⃣|five 5️⃣|six 6️⃣|seven 7️⃣|eight 8️⃣|nine 9️⃣|zero 0️⃣|keycap_ten 🔟|hash #️⃣
`;

const byName = new Map(table.trim().split(/[|\n]/).map((entry) => {
  const space = entry.lastIndexOf(' ');
  return [entry.slice(0, space), entry.slice(space + 1)];
}));

// emoji returns the picture for a short name, or undefined.
export const emoji = (name) => byName.get(String(name).split('::')[0]);

// emojiStartingWith lists [name, picture] for the completion of ":na".
export function emojiStartingWith(prefix, most = 8) {
  return [...byName].filter(([name]) => name.startsWith(prefix)).slice(0, most);
}

// fromUnicode turns rich_text's "1f534" or "1f468-200d-1f4bb" into a picture.
export function fromUnicode(hex) {
  const points = String(hex || '').split('-').map((part) => Number.parseInt(part, 16));
  return points.length && points.every((point) => point > 0 && point <= 0x10ffff) ? String.fromCodePoint(...points) : undefined;
}
