package license

import "unsafe"

// A list of 16 MiB is a text, a token, its payload and a string in it. These two look at the same
// bytes in another type, so that it is not copied each time; nobody writes to them.

func bytesOf(text string) []byte {
	if text == "" {
		return nil
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&text)), len(text))
}

func textOf(data []byte) string {
	return *(*string)(unsafe.Pointer(&data))
}
