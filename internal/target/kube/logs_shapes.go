package kube

import "strings"

// shape tells how many bytes at the beginning of s are as the shape says, where 9
// is a digit, x one of a hexadecimal number, and any other byte itself; 0: they
// are not.
func shape(s, like string) int {
	if len(s) < len(like) {
		return 0
	}
	for i := range len(like) {
		switch c := s[i]; like[i] {
		case '9':
			if !isDigit(c) {
				return 0
			}
		case 'x':
			if !isHex(c) {
				return 0
			}
		default:
			if c != like[i] {
				return 0
			}
		}
	}
	return len(like)
}

// ended tells that no word goes on at an index.
func ended(s string, i int) bool { return i >= len(s) || wordLength(s[i:]) == 0 }

// timeLength is how long a date, a time of day or both at the beginning are; 0:
// there is none.
func timeLength(s string) int {
	day := max(shape(s, "9999-99-99"), shape(s, "9999/99/99"))
	if day == 0 {
		if end := clockLength(s); end > 0 && ended(s, end) {
			return end
		}
		return 0
	}
	if day < len(s) && (s[day] == 'T' || s[day] == ' ') {
		if clock := clockLength(s[day+1:]); clock > 0 && ended(s, day+1+clock) {
			return day + 1 + clock
		}
	}
	if !ended(s, day) {
		return 0
	}
	return day
}

// clockLength is how long a time of day is, with fractions and zone.
func clockLength(s string) int {
	end := shape(s, "99:99:99")
	if end == 0 {
		return 0
	}
	if end+1 < len(s) && (s[end] == '.' || s[end] == ',') && isDigit(s[end+1]) {
		end += 1 + digits(s[end+1:])
	}
	switch {
	case end == len(s):
	case s[end] == 'Z':
		end++
	case s[end] == '+' || s[end] == '-':
		zone := s[end+1:]
		end += max(shape(zone, "99:99"), shape(zone, "9999"))
		if len(zone) > 0 && (shape(zone, "99:99") > 0 || shape(zone, "9999") > 0) {
			end++
		}
	}
	return end
}

func uuidLength(s string) int {
	if size := shape(s, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"); size > 0 && ended(s, size) {
		return size
	}
	return 0
}

// emailLength is how long something is that looks like the address of a person:
// anything with an @ and a dot behind it.
func emailLength(s string) int {
	at := 0
	for at < len(s) && (isDigit(s[at]) || isLetter(s[at]) || strings.IndexByte("._%+-", s[at]) >= 0) {
		at++
	}
	if at == 0 || at == len(s) || s[at] != '@' {
		return 0
	}
	end := at + 1
	for end < len(s) && (isDigit(s[end]) || isLetter(s[end]) || s[end] == '.' || s[end] == '-') {
		end++
	}
	domain := strings.TrimRight(s[at+1:end], ".-")
	if !strings.Contains(domain, ".") {
		return 0
	}
	return at + 1 + len(domain)
}

// digits is how many digits stand at the beginning.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

// numberLength is how long a number is, with its fraction or separators: 1,234.50,
// 10.0.0.1.
func numberLength(s string) int {
	end := digits(s)
	for end+1 < len(s) && (s[end] == '.' || s[end] == ',') && isDigit(s[end+1]) {
		end += 1 + digits(s[end+1:])
	}
	return end
}
