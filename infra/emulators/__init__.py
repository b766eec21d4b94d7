"""Google's own Pub/Sub and Firestore emulators, and real functions-framework processes against them."""
