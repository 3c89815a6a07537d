package workspace

import (
	"maps"
	"unicode/utf8"
)

// completeValues has an entry for every input, null where nothing was entered,
// and keeps the values of actions that happened before.
func completeValues(v *view, given map[string]any) obj {
	out := maps.Clone(v.values)
	maps.Copy(out, given)
	for _, b := range v.blocks {
		block, _ := b.(map[string]any)
		element, isInput := block["element"].(map[string]any)
		if block["type"] != "input" || !isInput {
			continue
		}
		blockID, _ := block["block_id"].(string)
		actionID, _ := element["action_id"].(string)
		actions, _ := out[blockID].(map[string]any)
		if actions == nil {
			actions = obj{}
		}
		value, _ := actions[actionID].(map[string]any)
		value = maps.Clone(value)
		if value == nil {
			value = obj{}
		}
		value["type"] = element["type"]
		field := valueField(element)
		if _, entered := value[field]; !entered {
			value[field] = initialValue(element, field)
		}
		if o, ok := value["selected_option"].(map[string]any); ok {
			value["selected_option"] = fullOption(element, o)
		}
		out[blockID] = obj{actionID: value}
	}
	return out
}

// fullOption is the element's own option with the value of o.
func fullOption(element, o map[string]any) any {
	for _, option := range allOptions(element) {
		if option["value"] == o["value"] {
			return option
		}
	}
	return o
}

// valueField is where state.values keeps what an element holds.
func valueField(element map[string]any) string {
	switch element["type"] {
	case "static_select", "external_select", "radio_buttons":
		return "selected_option"
	case "multi_static_select", "multi_external_select", "checkboxes":
		return "selected_options"
	case "users_select":
		return "selected_user"
	case "multi_users_select":
		return "selected_users"
	case "channels_select":
		return "selected_channel"
	case "multi_channels_select":
		return "selected_channels"
	case "conversations_select":
		return "selected_conversation"
	case "multi_conversations_select":
		return "selected_conversations"
	case "datepicker":
		return "selected_date"
	case "timepicker":
		return "selected_time"
	case "datetimepicker":
		return "selected_date_time"
	case "file_input":
		return "files"
	case "rich_text_input":
		return "rich_text_value"
	}
	return "value"
}

// initialValue is what an untouched element holds.
func initialValue(element map[string]any, field string) any {
	name := map[string]string{
		"value": "initial_value", "selected_option": "initial_option", "selected_options": "initial_options",
		"selected_user": "initial_user", "selected_users": "initial_users", "selected_channel": "initial_channel",
		"selected_channels": "initial_channels", "selected_conversation": "initial_conversation",
		"selected_conversations": "initial_conversations", "selected_date": "initial_date",
		"selected_time": "initial_time", "selected_date_time": "initial_date_time",
	}[field]
	if v, ok := element[name]; ok {
		return v
	}
	if len(field) > 0 && field[len(field)-1] == 's' {
		return []any{}
	}
	return nil
}

// checkInputs is what Slack checks before the bot hears of a submission.
func checkInputs(v *view) map[string]string {
	out := map[string]string{}
	for _, b := range v.blocks {
		block, _ := b.(map[string]any)
		element, isInput := block["element"].(map[string]any)
		if block["type"] != "input" || !isInput {
			continue
		}
		blockID, _ := block["block_id"].(string)
		actionID, _ := element["action_id"].(string)
		actions, _ := v.values[blockID].(map[string]any)
		value, _ := actions[actionID].(map[string]any)
		entered := value[valueField(element)]
		text, isText := entered.(string)
		list, isList := entered.([]any)
		empty := entered == nil || (isText && text == "") || (isList && len(list) == 0)
		switch {
		case empty && block["optional"] != true:
			out[blockID] = "Please complete this required field."
		case isText && !empty && tooShort(element, text):
			out[blockID] = "This entry is too short."
		case isText && tooLong(element, text):
			out[blockID] = "This entry is too long."
		}
	}
	return out
}

func tooShort(element map[string]any, text string) bool {
	n, ok := element["min_length"].(float64)
	return ok && utf8.RuneCountInString(text) < int(n)
}

func tooLong(element map[string]any, text string) bool {
	n, ok := element["max_length"].(float64)
	return ok && utf8.RuneCountInString(text) > int(n)
}
