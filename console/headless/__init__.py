"""The program without a screen: workers on a server, and a twin in the shell for every act."""
