"""What a release is made of: pages from the parser, licences from the packages, sdist, wheel and bundle from a commit."""
