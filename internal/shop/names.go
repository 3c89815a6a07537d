package shop

import "strings"

func lower(s string) string { return strings.ToLower(s) }

var (
	firstNames = [...]string{
		"Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Grace", "Hana", "Ivo", "Jonas", "Kaia", "Lena", "Mateo",
		"Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Sami", "Tara", "Ugo", "Vera", "Wanda", "Xavier", "Yara", "Zoe",
	}
	lastNames = [...]string{
		"Abe", "Berg", "Costa", "Dahl", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jansen", "Kovac", "Lopez",
		"Moreau", "Novak", "Okafor", "Petrov", "Quinn", "Rossi", "Silva", "Tanaka", "Ueda", "Varga", "Weber", "Young",
	}
	productNames = [...]string{
		"Kettle", "Lamp", "Notebook", "Backpack", "Headphones", "Teapot", "Blanket", "Desk Chair", "Bicycle Bell", "Umbrella",
		"Garden Hose", "Wool Scarf", "Chess Set", "Frying Pan", "Rain Jacket", "Alarm Clock",
	}
)

var migrationTopics = [...]string{
	"create orders", "add index on order items", "add product version", "widen amounts", "add customer phone",
	"add payment provider reference", "create processed events", "add order note",
}

// snake is a migration's description as its file name has it.
func snake(s string) string { return strings.ReplaceAll(s, " ", "_") }
